"""Signing in by the form: NIST SP 800-63B, CWE-384, CWE-204, CWE-208, CWE-601, HTML's rules for password managers."""

import re
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from argon2 import PasswordHasher, Type

from jotary.server.model.changes import PutPassword, ReplaceUser
from jotary.server.model.credential import Password
from jotary.server.ports import Unavailable

PASSWORD = "thirty purple otters hum"
TRICKS = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/%2fevil.example",
    "/authorize/../../evil",
    "/authorize?x=1\r\nLocation: https://evil.example",
    "javascript:alert(1)",
    "/authorize?x=1#@evil.example",
    "\t//evil.example",
    "/logout",
    "",
]


def events(site: Any) -> list[str]:
    """What the audit trail says, but for the making of keys."""
    return [kind for kind in site.desk.kinds() if not kind.startswith("key.")]


def test_the_form_is_one_that_password_managers_understand(browser: Any) -> None:
    """HTML §4.10.18.7: autocomplete=username and current-password, on fields with the names that they expect."""
    page = browser.get("/sign-in").text
    username = re.search(r'<input id="username"[^>]*>', page)
    password = re.search(r'<input id="password"[^>]*>', page)
    assert username is not None
    assert password is not None
    assert all(text in username[0] for text in ('name="username"', 'autocomplete="username"', "required"))
    assert all(
        text in password[0] for text in ('name="password"', 'autocomplete="current-password"', 'type="password"')
    )


def test_the_page_names_the_application_that_asks(site: Any, browser: Any) -> None:
    """A person must know what they sign in to; its name is text."""
    site.desk.change_client(site.client, name="<b>To & Do</b>")
    page = browser.get(browser.authorize().headers["location"])
    assert "&lt;b&gt;To &amp; Do&lt;/b&gt;" in page.text


def test_a_sign_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(site: Any, browser: Any) -> None:
    """RFC 6265bis §4.1.3.2: __Host-, Secure, HttpOnly, SameSite=Lax, Path=/, no Domain."""
    response = browser.sign_in()
    (cookie,) = [c for c in response.headers.get_list("set-cookie") if c.startswith("__Host-jotary=")]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= attributes
    assert not any(attribute.startswith("domain") for attribute in attributes)
    assert browser.cookies["__Host-jotary"] not in repr(
        site.desk.run(site.desk.store.sign_in(site.sign_in_id(browser)))
    )


def test_the_e_mail_address_counts_without_regard_to_case_and_spaces(browser: Any) -> None:
    """Phones capitalise, and people paste."""
    assert browser.sign_in(username="  ADA@Example.com ").status_code == 303


def test_every_refusal_is_the_same_page(site: Any, browser: Any) -> None:
    """CWE-204: an unknown address, a wrong password, a disabled person and an absurd password look alike."""
    off = site.add_user("off@example.com", PASSWORD)
    site.desk.write(ReplaceUser(msgspec.structs.replace(off, disabled_at=1)))
    no_password = site.desk.add_user(email="import@example.com")
    attempts = [
        ("nobody@example.com", PASSWORD),
        (site.user.email, "wrong"),
        (off.email, PASSWORD),
        (no_password.email, PASSWORD),
        (site.user.email, "x" * 1_025),
    ]
    answers = []
    for username, password in attempts:
        response = browser.sign_in(username=username, password=password)
        answers.append((response.status_code, response.text.replace(username, "…")))
    assert len(set(answers)) == 1
    assert answers[0][0] == 400
    assert "__Host-jotary" not in browser.cookies


def test_every_refusal_costs_one_hash(site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CWE-208: what takes the time is the hash, so there is one whether the account exists or not."""
    asked: list[str | None] = []
    verify = site.hasher.verify

    async def counted(password: str, phc: str | None) -> bool:
        asked.append(phc)
        fits: bool = await verify(password, phc)
        return fits

    monkeypatch.setattr(site.hasher, "verify", counted)
    for username in (site.user.email, "nobody@example.com"):
        browser.sign_in(username=username, password="wrong")
    assert [phc is None for phc in asked] == [False, True]


def test_who_is_disabled_while_signing_in_is_not_signed_in(
    site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enabled again, they would be signed in by a sign-in that should have ended with the others (ASVS 5.0 7.4.2)."""
    verify = site.hasher.verify

    async def verify_and_disable(password: str, phc: str | None) -> bool:
        holds: bool = await verify(password, phc)
        await site.desk.store.commit(ReplaceUser(msgspec.structs.replace(site.user, disabled_at=site.desk.now)))
        return holds

    monkeypatch.setattr(site.hasher, "verify", verify_and_disable)
    assert browser.sign_in().status_code == 400
    site.desk.write(ReplaceUser(site.user))
    assert browser.get("/").headers["location"] == "/sign-in"


def test_a_cookie_from_before_is_worth_nothing_after(site: Any) -> None:
    """CWE-384: whoever planted a cookie, or knows the old one, is not signed in with it."""
    browser = site.browser()
    planted = "A" * 43
    browser.http.cookies.set("__Host-jotary", planted, domain="id.example.com")
    assert browser.sign_in().status_code == 303
    first = browser.cookies["__Host-jotary"]
    assert first != planted
    assert browser.sign_in("/authorize?" + urlencode(site.request(prompt="login"))).status_code == 303
    assert browser.cookies["__Host-jotary"] != first
    thief = site.browser()
    for old in (planted, first):
        thief.http.cookies.set("__Host-jotary", old, domain="id.example.com")
        assert site.return_to(thief.authorize())


def test_signing_in_again_ends_the_old_sign_in_with_its_sessions(site: Any, signed_in: Any) -> None:
    """Nothing that a later sign-out would not end may live on."""
    tokens = site.tokens(signed_in.authorize())
    old = site.sign_in_id(signed_in)
    assert signed_in.sign_in("/authorize?" + urlencode(site.request(prompt="login"))).status_code == 303
    assert site.desk.run(site.desk.store.sign_in(old)).ended_at == site.desk.now
    session = site.desk.session(site.desk.claims(tokens.access_token)["sid"])
    assert (session.ended_at, session.end_reason) == (site.desk.now, "signed_in_again")


@pytest.mark.parametrize("trick", TRICKS)
def test_no_link_to_the_form_leads_to_another_site(site: Any, browser: Any, trick: str) -> None:
    """CWE-601: in the link, and in the form itself."""
    page = browser.get(f"/sign-in?{urlencode({'return_to': trick})}")
    assert browser.fields(page)["return_to"] == "/"
    response = browser.submit(page, "/sign-in", username=site.user.email, password=PASSWORD, return_to=trick)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    again = browser.get(f"/sign-in?{urlencode({'return_to': trick})}")
    assert (again.status_code, again.headers["location"]) == (303, "/")


def test_who_is_signed_in_goes_straight_on(site: Any, signed_in: Any) -> None:
    """A link that was opened twice."""
    path = site.authorize_path()
    response = signed_in.get(f"/sign-in?{urlencode({'return_to': path})}")
    assert (response.status_code, response.headers["location"]) == (303, path)


@pytest.mark.parametrize("typed", [{"username": ""}, {"password": ""}, {"username": " ", "password": ""}])
def test_an_empty_field_shows_the_form_again(browser: Any, typed: dict[str, str]) -> None:
    """With what was typed, but never the password."""
    page = browser.get("/sign-in")
    response = browser.submit(page, "/sign-in", **{"username": "a@b.example", "password": "hunter2", **typed})
    assert response.status_code == 400
    assert 'role="alert"' in response.text
    assert "hunter2" not in response.text


def test_a_password_does_not_grow_old(site: Any, browser: Any) -> None:
    """NIST SP 800-63B §3.1.1.2, OWASP ASVS 5.0 6.2.10: nobody has to change it only because time has passed."""
    site.desk.now += 10 * 365 * 86_400
    response = browser.sign_in()
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert browser.get("/").status_code == 200


def test_a_long_password_counts_to_its_last_character(site: Any) -> None:
    """OWASP ASVS 5.0 6.2.8: nothing is cut off, and case counts."""
    password = "Thirty purple otters hum " * 40
    ada = site.add_user("long@example.com", password)
    for wrong in (password[:-1], password.lower(), password.strip()):
        assert site.browser().sign_in(username=ada.email, password=wrong).status_code == 400
    assert site.browser().sign_in(username=ada.email, password=password).status_code == 303


def test_what_is_typed_comes_back_as_text(browser: Any) -> None:
    """CWE-79."""
    hostile = '"><svg onload=alert(1)>{{7777*7777}}'
    response = browser.sign_in(username=hostile)
    assert browser.fields(response)["username"] == hostile
    assert "<svg onload" not in response.text
    assert "60481729" not in response.text


def test_a_hash_of_old_parameters_is_renewed_by_signing_in(site: Any, browser: Any) -> None:
    """The password is known only at this moment."""
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=Type.ID).hash(PASSWORD)
    site.desk.write(PutPassword(Password(user_id=site.user.id, hash=weak, changed_at=1)))
    assert browser.sign_in(password="wrong").status_code == 400
    assert site.desk.run(site.desk.store.password(site.user.id)).hash == weak
    assert browser.sign_in().status_code == 303
    renewed = site.desk.run(site.desk.store.password(site.user.id))
    assert "m=19456,t=2,p=1" in renewed.hash
    assert site.browser().sign_in().status_code == 303
    assert site.desk.run(site.desk.store.password(site.user.id)) == renewed


def test_a_full_queue_does_not_keep_out_whose_hash_is_old(
    site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renewal can wait; the person cannot."""
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1, type=Type.ID).hash(PASSWORD)
    site.desk.write(PutPassword(Password(user_id=site.user.id, hash=weak, changed_at=1)))

    async def full(_password: str) -> str:
        raise Unavailable("the queue is full")

    monkeypatch.setattr(site.hasher, "hash", full)
    assert browser.sign_in().status_code == 303


def test_too_many_sign_ins_at_once_are_told_when_to_come_back(
    browser: Any, site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §9: 503 with Retry-After, as a page."""

    async def full(_password: str, _phc: str | None) -> bool:
        raise Unavailable("the queue is full", retry_after=7)

    monkeypatch.setattr(site.hasher, "verify", full)
    response = browser.sign_in()
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert response.headers["content-type"].startswith("text/html")


def test_the_audit_trail_tells_who_and_never_what_was_typed(site: Any, browser: Any) -> None:
    """People type their passwords into the wrong field."""
    browser.sign_in(username="thirty purple otters hum", password="x")
    browser.sign_in(password="wrong")
    browser.sign_in()
    assert events(site) == ["sign_in.refused", "sign_in.refused", "sign_in.accepted"]
    trail = [event for event in site.desk.events() if event.kind.startswith("sign_in.")]
    assert [event.user_id for event in trail] == [None, site.user.id, site.user.id]
    assert all(event.address == "127.0.0.1" for event in trail)
    assert "otters" not in repr(trail)


def test_a_hint_for_the_form_is_read_only_when_it_is_one(site: Any, browser: Any) -> None:
    """A request that does not pass its checks still shows the form; its error is told after the sign-in."""
    path = "/authorize?client_id=nobody&login_hint=a&login_hint=b"
    page = browser.get(f"/sign-in?{urlencode({'return_to': path})}")
    assert page.status_code == 200
    assert browser.fields(page)["username"] == ""
    response = browser.submit(page, "/sign-in", username=site.user.email, password=PASSWORD)
    assert browser.get(response.headers["location"]).status_code == 400


@pytest.mark.parametrize(("length", "is_shown"), [(254, True), (255, False)])
def test_a_hint_longer_than_any_address_is_not_shown(browser: Any, length: int, *, is_shown: bool) -> None:
    """RFC 5321 §4.5.3.1: whoever wrote the link fills no page with it."""
    hint = "a" * length
    path = f"/authorize?client_id=nobody&login_hint={hint}"
    page = browser.get(f"/sign-in?{urlencode({'return_to': path})}")
    assert browser.fields(page)["username"] == (hint if is_shown else "")


def test_what_was_typed_comes_back_no_longer_than_any_address(browser: Any) -> None:
    """RFC 5321 §4.5.3.1."""
    response = browser.sign_in(username="a" * 300)
    assert browser.fields(response)["username"] == "a" * 254


def test_an_empty_field_is_no_attempt(site: Any, browser: Any) -> None:
    """Nothing was looked at: nothing is counted, and no hash is computed."""
    browser.sign_in(username=" ")
    assert events(site) == []
