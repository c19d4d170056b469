"""The page at the issuer's own address: where a person is signed in, and ending it."""

from typing import Any

import pytest


def open_session(site: Any, browser: Any) -> Any:
    """A session of the first-party client."""
    tokens = site.tokens(browser.authorize())
    return site.desk.session(site.desk.claims(tokens.access_token)["sid"])


def test_a_stranger_is_sent_to_sign_in(browser: Any) -> None:
    """There is nothing to see without a person."""
    response = browser.get("/")
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")


def test_a_person_sees_who_they_are_and_where(site: Any, signed_in: Any) -> None:
    """Only sessions that are alive."""
    site.desk.change_client(site.client, name="ToDo <3")
    session = open_session(site, signed_in)
    page = signed_in.get("/")
    assert site.user.email in page.text
    assert "ToDo &lt;3" in page.text
    assert session.id in page.text
    site.desk.now = session.idle_expires_at
    assert session.id not in signed_in.get("/").text


def test_a_session_can_be_ended_and_its_tokens_with_it(site: Any, signed_in: Any) -> None:
    """Design §6.3: a cut-off is published."""
    session = open_session(site, signed_in)
    page = signed_in.get("/")
    response = signed_in.submit(page, "/sessions/end")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert site.desk.session(session.id).end_reason == "ended_by_user"
    assert site.desk.run(site.desk.store.revocation("sid", session.id, now=site.desk.now)) is not None
    assert session.id not in signed_in.get("/").text


def test_a_session_ends_once(site: Any, signed_in: Any) -> None:
    """A button that is pressed twice is one thing that happened, and the audit trail tells of one."""
    open_session(site, signed_in)
    page = signed_in.get("/")
    for _ in range(2):
        assert signed_in.submit(page, "/sessions/end").status_code == 303
    assert site.desk.kinds().count("session.ended") == 1


@pytest.mark.parametrize("session_id", ["", "x", "\x01", "é" * 100])
def test_ending_what_is_not_there_changes_nothing(signed_in: Any, session_id: str) -> None:
    """No error that could tell which ids exist."""
    token = signed_in.fields(signed_in.get("/"))["csrf_token"]
    response = signed_in.post("/sessions/end", {"csrf_token": token, "session_id": session_id})
    assert response.status_code == (400 if session_id == "" else 303)


def test_nobody_ends_somebody_elses_session(site: Any, signed_in: Any) -> None:
    """CWE-639."""
    session = open_session(site, signed_in)
    site.add_user("bob@example.com", "forty orange badgers hum")
    bob = site.browser()
    bob.sign_in(username="bob@example.com", password="forty orange badgers hum")
    token = bob.fields(bob.get("/"))["csrf_token"]
    assert bob.post("/sessions/end", {"csrf_token": token, "session_id": session.id}).status_code == 303
    assert site.desk.session(session.id).ended_at is None


def test_the_button_signs_out(site: Any, signed_in: Any) -> None:
    """One press, for the page's own form proves the wish."""
    page = signed_in.get("/")
    assert signed_in.submit(page, "/logout").status_code == 200
    assert "__Host-jotary" not in signed_in.cookies
    assert site.return_to(signed_in.authorize())
