"""Changing one's own password: ASVS 5.0 6.2.2, 6.2.3, 6.3.1, 7.4.3, 7.5.1; CWE-620, CWE-307.

And NIST SP 800-63B-4 §3.1.1.2; W3C, A Well-Known URL for Changing Passwords.
"""

import asyncio
import re
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from jotary.oauth.errors import OAuthError
from jotary.server.model.changes import ReplaceUser
from jotary.server.ports import Conflict, Unavailable

PASSWORD = "thirty purple otters hum"
NEW = "forty orange badgers hum"
TO_SIGN_IN = "/sign-in?return_to=/password"
OWN_PAGE = {"Origin": "https://id.example.com", "Sec-Fetch-Site": "same-origin"}
AT_ONCE = 3  # `sign_in_attempts`, few of them because each costs a hash


def change(browser: Any, password: str = PASSWORD, new_password: str = NEW) -> Any:
    """Fill in the form and send it."""
    return browser.submit(browser.get("/password"), "/password", password=password, new_password=new_password)


def kinds(site: Any) -> list[str]:
    """What the audit trail says of passwords."""
    return [kind for kind in site.desk.kinds() if kind.startswith("user.password")]


def refresh(site: Any, tokens: Any) -> Any:
    """Use a refresh token."""
    return site.desk.ask(site.client, grant_type="refresh_token", refresh_token=tokens.refresh_token)


def opens(site: Any, cookie: str) -> bool:
    """Whether a sign-in's cookie is worth anything, in a browser that has nothing else."""
    thief = site.browser()
    thief.http.cookies.set("__Host-jotary", cookie, domain="id.example.com")
    return bool(thief.get("/").status_code == 200)


def test_the_new_password_is_good_and_the_old_one_is_not(site: Any, signed_in: Any) -> None:
    """ASVS 5.0 6.2.2. The page says so, and the audit trail who it was and from where."""
    response = change(signed_in)
    assert response.status_code == 200
    assert "Your password is changed" in response.text
    assert site.browser().sign_in(password=PASSWORD).status_code == 400
    assert site.browser().sign_in(password=NEW).status_code == 303
    (event,) = [event for event in site.desk.events() if event.kind == "user.password_changed"]
    assert (event.user_id, event.address, event.detail) == (site.user.id, "127.0.0.1", {"by": "person"})


def test_the_home_page_leads_there(signed_in: Any) -> None:
    """Where people look for it."""
    assert 'href="/password">Change your password</a>' in signed_in.get("/").text


def test_both_pages_have_the_way_out(signed_in: Any) -> None:
    """ASVS 5.0 7.4.4."""
    for page in (signed_in.get("/password"), change(signed_in)):
        assert 'href="/logout"' in page.text


def test_the_form_is_one_that_password_managers_understand(site: Any, signed_in: Any) -> None:
    """HTML §4.10.18.7: whose password, the present one and the new one; none of them comes back filled in."""
    page = signed_in.get("/password").text
    username, password, new_password = (
        re.search(rf'<input[^>]* name="{name}"[^>]*>', page) for name in ("username", "password", "new_password")
    )
    assert username is not None
    assert password is not None
    assert new_password is not None
    assert all(text in username[0] for text in (site.user.email, 'autocomplete="username"', " hidden"))
    assert all(text in password[0] for text in ('type="password"', 'autocomplete="current-password"', "required"))
    assert all(text in new_password[0] for text in ('type="password"', 'autocomplete="new-password"', 'minlength="8"'))
    again = change(signed_in, password="wrong").text
    assert "wrong" not in re.sub('class="field wrong"', "", again)
    assert NEW not in again


def test_who_is_not_signed_in_signs_in_first_and_comes_back(site: Any, browser: Any) -> None:
    """And only there: the address is one of our own."""
    response = browser.get("/password")
    assert (response.status_code, response.headers["location"]) == (303, TO_SIGN_IN)
    page = browser.get(TO_SIGN_IN)
    back = browser.submit(page, "/sign-in", username=site.user.email, password=PASSWORD)
    assert (back.status_code, back.headers["location"]) == (303, "/password")
    assert browser.get("/password").status_code == 200
    assert browser.get(TO_SIGN_IN).headers["location"] == "/password"


def test_a_form_of_who_is_no_longer_signed_in_changes_nothing(site: Any, signed_in: Any) -> None:
    """The sign-in ended while the page was open."""
    page = signed_in.get("/password")
    site.desk.write(*site.end_sign_in(site.sign_in_id(signed_in)))
    response = signed_in.submit(page, "/password", password=PASSWORD, new_password=NEW)
    assert (response.status_code, response.headers["location"]) == (303, TO_SIGN_IN)
    assert site.browser().sign_in().status_code == 303
    assert kinds(site) == []


def test_a_disabled_person_changes_nothing(site: Any, signed_in: Any) -> None:
    """Their sign-in is worth nothing."""
    page = signed_in.get("/password")
    site.desk.write(ReplaceUser(msgspec.structs.replace(site.user, disabled_at=1)))
    response = signed_in.submit(page, "/password", password=PASSWORD, new_password=NEW)
    assert (response.status_code, response.headers["location"]) == (303, TO_SIGN_IN)
    assert kinds(site) == []


@pytest.mark.parametrize("wrong", ["wrong", PASSWORD.upper(), PASSWORD + " ", "x" * 1_025])
def test_a_wrong_present_password_changes_nothing(site: Any, signed_in: Any, wrong: str) -> None:
    """ASVS 5.0 6.2.3, CWE-620: who sits at an open browser does not take the account over."""
    response = change(signed_in, password=wrong)
    assert response.status_code == 400
    assert "This is not your present password." in response.text
    assert kinds(site) == ["user.password_change_refused"]
    assert site.browser().sign_in().status_code == 303
    assert signed_in.get("/").status_code == 200


def test_a_missing_present_password_is_asked_for_and_not_counted(site: Any, signed_in: Any) -> None:
    """Nothing was tried."""
    for _ in range(site.desk.settings.sign_in_attempts + 1):
        response = change(signed_in, password="")
        assert response.status_code == 400
        assert "Enter your present password." in response.text
    assert kinds(site) == []


@pytest.fixture
def limited(site: Any) -> Any:
    """A browser in which the person is signed in, at a server with few attempts."""
    site.desk.settings = msgspec.structs.replace(site.desk.settings, sign_in_attempts=AT_ONCE)
    site.rebuild()
    browser = site.browser()
    assert browser.sign_in().status_code == 303
    return browser


def test_wrong_present_passwords_count_as_at_the_sign_in_page(site: Any, limited: Any) -> None:
    """ASVS 5.0 6.3.1, CWE-307: with a stolen cookie one guesses no faster; RFC 6585 §4 says when to come back."""
    limited.http.cookies.delete("__Host-jotary-known")
    assert [change(limited, password="wrong").status_code for _ in range(AT_ONCE - 1)] == [400] * (AT_ONCE - 1)
    assert site.browser().sign_in(password="wrong").status_code == 400
    response = change(limited)
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")
    assert "There were too many attempts. Try again in 60 seconds." in response.text
    assert kinds(site) == ["user.password_change_refused"] * (AT_ONCE - 1) + ["user.password_change_limited"]
    assert site.browser().sign_in().status_code == 429
    site.desk.now += 60
    assert change(limited).status_code == 200


def test_passwords_that_come_at_once_are_no_more_than_allowed(site: Any, limited: Any) -> None:
    """Counted before the present password is looked at."""
    form = {**limited.fields(limited.get("/password")), "password": "wrong", "new_password": NEW}

    async def at_once() -> list[Any]:
        return await asyncio.gather(*(limited.http.post("/password", data=form, headers=OWN_PAGE) for _ in range(6)))

    statuses = sorted(response.status_code for response in site.desk.run(at_once()))
    assert statuses == [400] * AT_ONCE + [429] * (6 - AT_ONCE)


def test_a_success_takes_back_what_it_counted_and_no_more(limited: Any) -> None:
    """As at sign-in: it costs no attempt, and buys none."""
    passwords = [PASSWORD, NEW] * 3
    for old, new in pairwise(passwords):
        assert change(limited, old, new).status_code == 200
    assert [change(limited, "wrong").status_code for _ in range(AT_ONCE - 1)] == [400] * (AT_ONCE - 1)
    assert change(limited, NEW, PASSWORD).status_code == 200
    assert [change(limited, "wrong").status_code for _ in range(2)] == [400, 429]


@pytest.mark.parametrize(
    ("new_password", "says"),
    [
        ("", "Use at least 8 characters."),
        ("short", "Use at least 8 characters."),
        ("x" * 1_025, "Use at most 1024 characters."),
        ("password1", "This is a very common password."),
        ("ada.lovelace", "."),
        ("Lovelace1", "."),
    ],
)
def test_a_new_password_is_held_to_the_rules_of_signing_up(
    site: Any, signed_in: Any, new_password: str, says: str
) -> None:
    """NIST SP 800-63B-4 §3.1.1.2, with what to change; the present one is not looked at, nor counted."""
    response = change(signed_in, password="wrong", new_password=new_password)
    assert response.status_code == 400
    problem = re.search(r'<p class="problem" id="new_password-problem">([^<]+)</p>', response.text)
    assert problem is not None
    assert says in problem[1]
    assert "This is not your present password." not in response.text
    assert kinds(site) == []
    assert site.browser().sign_in().status_code == 303


@pytest.mark.parametrize("typed", [PASSWORD, "whatever it is, the same twice"])
def test_the_present_password_is_no_new_one(site: Any, signed_in: Any, typed: str) -> None:
    """It would end everything and change nothing; right or wrong, the answer is the same."""
    response = change(signed_in, password=typed, new_password=typed)
    assert response.status_code == 400
    assert "Choose another password than your present one." in response.text
    assert kinds(site) == []


def test_other_browsers_and_all_applications_are_signed_out(site: Any, signed_in: Any) -> None:
    """ASVS 5.0 7.4.3, design §6.3: cookies, refresh tokens and access tokens of whoever knew the old password."""
    elsewhere = site.browser()
    elsewhere.sign_in()
    held = [site.tokens(browser.authorize()) for browser in (elsewhere, signed_in)]
    assert change(signed_in).status_code == 200
    assert site.return_to(elsewhere.authorize())
    for tokens in held:
        with pytest.raises(OAuthError, match="invalid_grant"):
            refresh(site, tokens)
        session = site.desk.session(site.desk.claims(tokens.access_token)["sid"])
        assert (session.ended_at, session.end_reason) == (site.desk.now, "password_changed")
    cut_off = site.desk.run(site.desk.store.revocation("sub", site.user.id, now=site.desk.now))
    assert cut_off.issued_before == site.desk.now


def test_nobody_else_is_signed_out(site: Any, signed_in: Any) -> None:
    """Only the person's own."""
    site.add_user("bob@example.com", "fifty yellow weasels hum")
    bob = site.browser()
    bob.sign_in(username="bob@example.com", password="fifty yellow weasels hum")
    assert change(signed_in).status_code == 200
    assert bob.get("/").status_code == 200


def test_this_browser_goes_on_with_a_cookie_of_its_own(site: Any, signed_in: Any) -> None:
    """CWE-384: a copy of its old cookie is worth nothing; single sign-on works on, with a fresh `auth_time`."""
    old = signed_in.cookies["__Host-jotary"]
    site.desk.now += 100
    assert change(signed_in).status_code == 200
    assert not opens(site, old)
    assert opens(site, signed_in.cookies["__Host-jotary"])
    assert signed_in.get("/").status_code == 200
    tokens = site.tokens(signed_in.authorize())
    claims = site.desk.claims(tokens.id_token, typ="JWT")
    assert (claims["auth_time"], claims["amr"]) == (site.desk.now, ["pwd"])
    site.desk.now += 1
    assert refresh(site, tokens).access_token


def test_a_form_from_before_the_change_is_refused_after_it(signed_in: Any) -> None:
    """Its token belongs to the old sign-in (CWE-352)."""
    page = signed_in.get("/password")
    assert change(signed_in).status_code == 200
    response = signed_in.submit(page, "/password", password=NEW, new_password=PASSWORD)
    assert response.status_code == 403


def test_of_two_changes_at_once_one_happens(site: Any, signed_in: Any) -> None:
    """Compare and set: the second finds the password gone that it stands on, and the sign-in with it."""
    second = site.browser()
    second.sign_in()
    pages = [browser.get("/password") for browser in (signed_in, second)]
    wishes = [NEW, "fifty yellow weasels hum"]

    async def at_once() -> list[Any]:
        sent = (
            browser.http.post(
                "/password",
                data={**browser.fields(page), "password": PASSWORD, "new_password": wish},
                headers=OWN_PAGE,
            )
            for browser, page, wish in zip((signed_in, second), pages, wishes, strict=True)
        )
        return await asyncio.gather(*sent)

    answers = site.desk.run(at_once())
    assert sorted(response.status_code for response in answers) == [200, 303]
    assert kinds(site) == ["user.password_changed"]
    happened = [response.status_code == 200 for response in answers]
    assert [site.browser().sign_in(password=wish).status_code == 303 for wish in wishes] == happened
    assert [browser.get("/").status_code == 200 for browser in (signed_in, second)] == happened


def test_a_sign_in_with_the_old_password_does_not_outlive_the_change(
    site: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its password was checked before the change and is written after it: it is gathered again, and refused."""
    late = site.browser()
    page = late.get("/sign-in")
    verify = site.hasher.verify

    async def overtaken(password: str, phc: str | None) -> bool:
        fits: bool = await verify(password, phc)
        monkeypatch.setattr(site.hasher, "verify", verify)
        form = {**signed_in.fields(change_page), "password": PASSWORD, "new_password": NEW}
        assert (await signed_in.http.post("/password", data=form, headers=OWN_PAGE)).status_code == 200
        return fits

    change_page = signed_in.get("/password")
    monkeypatch.setattr(site.hasher, "verify", overtaken)
    response = late.submit(page, "/sign-in", username=site.user.email, password=PASSWORD)
    assert response.status_code == 400
    assert "__Host-jotary" not in late.cookies


def test_a_hash_that_is_renewed_does_not_undo_the_change(
    site: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign-in that hashes the old password anew at that moment starts over."""
    late = site.browser()
    page, change_page = late.get("/sign-in"), signed_in.get("/password")
    needs_rehash, hashing = site.hasher.needs_rehash, site.hasher.hash

    async def overtaken(password: str) -> str:
        monkeypatch.setattr(site.hasher, "hash", hashing)
        monkeypatch.setattr(site.hasher, "needs_rehash", needs_rehash)
        form = {**signed_in.fields(change_page), "password": PASSWORD, "new_password": NEW}
        assert (await signed_in.http.post("/password", data=form, headers=OWN_PAGE)).status_code == 200
        phc: str = await hashing(password)
        return phc

    monkeypatch.setattr(site.hasher, "needs_rehash", lambda _phc: True)
    monkeypatch.setattr(site.hasher, "hash", overtaken)
    assert late.submit(page, "/sign-in", username=site.user.email, password=PASSWORD).status_code == 400
    assert site.browser().sign_in(password=NEW).status_code == 303
    assert site.browser().sign_in(password=PASSWORD).status_code == 400


@pytest.mark.parametrize("name", ["verify", "hash"])
def test_what_the_queue_turned_away_was_no_attempt(
    site: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A busy server must not hold people off for its own fault; nothing is half changed."""

    async def full(*_arguments: Any) -> Any:
        raise Unavailable("the queue is full")

    with monkeypatch.context() as patched:
        patched.setattr(site.hasher, name, full)
        tried = [change(signed_in).status_code for _ in range(site.desk.settings.sign_in_attempts + 1)]
        assert set(tried) == {503}
    assert kinds(site) == []
    assert change(signed_in).status_code == 200


def test_a_store_that_always_conflicts_is_answered_503(
    site: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a false success (design §9)."""
    commit = site.desk.store.commit

    async def conflicting(*changes: Any) -> None:
        if any(type(each).__name__ == "PutPassword" for each in changes):
            raise Conflict(changes[0])
        await commit(*changes)

    monkeypatch.setattr(type(site.desk.store), "commit", lambda _store, *changes: conflicting(*changes))
    assert change(signed_in).status_code == 503


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_password_managers_find_the_page(browser: Any, method: str) -> None:
    """W3C, A Well-Known URL for Changing Passwords, 3: a redirect to the page, with 302, 303 or 307."""
    response = browser.request(method, "/.well-known/change-password")
    assert (response.status_code, response.headers["location"]) == (303, "/password")


def test_password_managers_can_trust_the_status(browser: Any) -> None:
    """W3C, the same, 4: what does not exist is not answered with 200."""
    path = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    assert browser.get(path).status_code == 404


def test_below_a_path_the_page_is_found_as_well(site: Any) -> None:
    """The well-known URL stands at the root of the host (RFC 8615 §3), the page below the issuer's path."""
    site.desk.settings = msgspec.structs.replace(site.desk.settings, issuer="https://id.example.com/id")
    site.rebuild()
    for path in ("/.well-known/change-password", "/id/.well-known/change-password"):
        assert site.browser().get(path).headers["location"] == "/id/password"
    assert site.browser().get("/id/password").headers["location"] == f"/id{TO_SIGN_IN}"
