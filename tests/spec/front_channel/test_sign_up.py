"""Making an account by the form (NIST SP 800-63B §3.1.1, CWE-204, CWE-208)."""

import re
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts import scoring
from jotary.server.model.changes import AddUser
from jotary.server.settings import Settings

GRACE = {"username": "grace@example.com", "name": "Grace Hopper", "password": "forty orange badgers hum"}


def sign_up(browser: Any, return_to: str = "/", **changed: str) -> Any:
    """Fill in the form and send it."""
    page = browser.get(f"/sign-up?{urlencode({'return_to': return_to})}")
    return browser.submit(page, "/sign-up", **{**GRACE, **changed})


def person(site: Any, email: str = GRACE["username"]) -> Any:
    """Who has this address."""
    return site.desk.run(site.desk.store.user_by_email(email))


def test_an_account_is_made_and_signed_in_and_the_request_goes_on(site: Any, browser: Any) -> None:
    """From the client's request to its code without a detour."""
    path = site.return_to(browser.authorize())
    response = sign_up(browser, path)
    assert (response.status_code, response.headers["location"]) == (303, path)
    assert "code" in site.answer(browser.get(response.headers["location"]))
    user = person(site)
    assert (user.email, user.name, user.email_verified, user.is_admin) == (
        GRACE["username"],
        GRACE["name"],
        False,
        False,
    )
    assert site.browser().sign_in(username=user.email, password=GRACE["password"]).status_code == 303


def test_the_form_is_one_that_password_managers_understand(browser: Any) -> None:
    """HTML §4.10.18.7: new-password makes them offer a good one."""
    page = browser.get("/sign-up").text
    assert re.search(r'name="username"[^>]*autocomplete="username"', page)
    assert re.search(r'name="password"[^>]*autocomplete="new-password"', page)
    assert re.search(r'name="name"[^>]*autocomplete="name"', page)


def test_what_is_wrong_is_said_at_the_field_for_those_who_cannot_see_it_too(site: Any, browser: Any) -> None:
    """WCAG 3.3.1, 1.3.1: aria-invalid, aria-describedby, an alert, and the rest of the form kept."""
    response = sign_up(browser, password="password1", name="")
    assert response.status_code == 400
    assert person(site) is None
    for field in ("name", "password"):
        (tag,) = re.findall(rf'<input id="{field}"[^>]*>', response.text)
        assert 'aria-invalid="true"' in tag
        assert f"{field}-problem" in tag
        assert f'id="{field}-problem"' in response.text
    assert 'role="alert"' in response.text
    assert browser.fields(response)["username"] == GRACE["username"]
    assert "password1" not in response.text
    assert browser.cookies.keys() == {"__Host-jotary-form"}


def test_a_taken_address_makes_no_account_and_is_not_named(site: Any, browser: Any) -> None:
    """CWE-204: the page says neither that there is an account nor whose; the old password stays."""
    for email in (site.user.email, "ADA@EXAMPLE.COM"):
        response = sign_up(browser, username=email)
        assert response.status_code == 400
        assert "exists" not in response.text
        assert "__Host-jotary" not in browser.cookies
    assert site.browser().sign_in(password=GRACE["password"]).status_code == 400
    assert site.browser().sign_in().status_code == 303


def test_a_taken_address_costs_the_same_work(site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """CWE-208: the attempt is counted, one hash, and one durable write."""
    work: list[str] = []
    hash_password, commit = site.hasher.hash, site.desk.store.commit

    async def counted_hash(password: str) -> str:
        work.append("hash")
        phc: str = await hash_password(password)
        return phc

    async def counted_commit(*changes: Any) -> None:
        work.append("commit")
        await commit(*changes)

    monkeypatch.setattr(site.hasher, "hash", counted_hash)
    monkeypatch.setattr(site.desk.store, "commit", counted_commit)
    assert sign_up(browser, username=site.user.email).status_code == 400
    taken, work[:] = work[:], []
    assert sign_up(browser).status_code == 303
    assert taken == work == ["commit", "hash", "commit"]


def test_two_at_once_get_one_account(site: Any) -> None:
    """The address is guarded by the store, not by the look-up before."""

    async def both(pages: list[Any]) -> list[int]:
        import asyncio  # noqa: PLC0415 -- only this test needs it

        async def send(browser: Any, page: Any) -> int:
            form = {**browser.fields(page), **GRACE}
            headers = {"Sec-Fetch-Site": "same-origin"}
            return int((await browser.http.post("/sign-up", data=form, headers=headers)).status_code)

        return list(await asyncio.gather(*(send(browser, page) for browser, page in pages)))

    browsers = [site.browser(), site.browser()]
    statuses = site.desk.run(both([(browser, browser.get("/sign-up")) for browser in browsers]))
    assert sorted(statuses) == [303, 400]


def test_an_address_that_is_taken_between_look_and_write_is_taken(
    site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is guarded, and the second look finds somebody."""
    look, store = site.desk.store.user_by_email, site.desk.store

    async def look_and_be_overtaken(email: str) -> Any:
        found = await look(email)
        monkeypatch.setattr(store, "user_by_email", look)
        other = msgspec.structs.replace(site.user, id="grace", email=email)
        await store.commit(AddUser(other))
        return found

    monkeypatch.setattr(store, "user_by_email", look_and_be_overtaken)
    assert sign_up(browser).status_code == 400
    assert person(site).id == "grace"
    assert "__Host-jotary" not in browser.cookies


def test_an_absurd_password_is_answered_at_once(browser: Any) -> None:
    """Scoring it would take seconds; the bound stands before."""
    assert sign_up(browser, password="4@8({[<369&6#!1/|0$5+7%2" * 42).status_code == 303
    assert sign_up(browser, username="x@example.com", password="4@8({[<369" * 103).status_code == 400


def test_too_many_at_once_are_told_when_to_come_back(site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scoring passwords is bounded work, as hashing them is (design §9)."""
    monkeypatch.setattr(scoring, "_PLACES", BoundedSemaphore(1))
    assert sign_up(browser, password="x").status_code == 400
    scoring._PLACES.acquire()
    response = sign_up(browser)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert person(site) is None


def test_there_is_no_form_where_the_operator_makes_the_accounts(site: Any, browser: Any) -> None:
    """`sign_up = false`: neither form nor link, and a form from elsewhere is not taken."""
    form = {**browser.fields(browser.get("/sign-up")), **GRACE}
    settings = Settings(issuer="https://id.example.com", secret=Secret("s" * 40), sign_up=False)
    site.rebuild(settings=settings)
    other = site.browser()
    assert other.get("/sign-up").status_code == 404
    assert other.post("/sign-up", form).status_code == 404
    assert "sign-up" not in other.get("/sign-in").text
    assert person(site) is None


def test_the_way_to_the_other_form_keeps_where_the_person_goes(site: Any, browser: Any) -> None:
    """From sign-in to sign-up and back."""
    path = site.return_to(browser.authorize())
    for here, there in (("/sign-in", "/sign-up"), ("/sign-up", "/sign-in")):
        page = browser.get(f"{here}?{urlencode({'return_to': path})}")
        (link,) = re.findall(rf'href="({there}\?[^"]*)"', page.text)
        assert browser.fields(browser.get(link.replace("&amp;", "&")))["return_to"] == path


def test_what_was_typed_comes_back_no_longer_than_it_may_be(browser: Any) -> None:
    """An address has 254 characters at most (RFC 5321 §4.5.3.1), a name 100."""
    response = sign_up(browser, username="a" * 300, name="b" * 300)
    assert response.status_code == 400
    fields = browser.fields(response)
    assert (fields["username"], fields["name"]) == ("a" * 254, "b" * 100)
