"""Ending sessions."""

from typing import Any

import pytest

from jotary.server.flows.administration.end_sessions import end_session, end_sessions_of_user
from jotary.server.flows.administration.refusal import AdministrationError


def test_one_session_is_ended_and_the_others_go_on(office: Any) -> None:
    """Design §6.3: its tokens are cut off in the same transaction."""
    office.open_session("other")
    ended = office.run(end_session("session", store=office.store, now=office.now, settings=office.settings))
    assert ended == office.session
    assert not office.is_session_alive()
    assert office.is_session_alive("other")
    assert office.is_signed_in()
    assert [cut_off[:2] for cut_off in office.cut_offs()] == [("sid", "session")]
    assert office.cut_offs()[0][3] == office.cut_off_until
    (event,) = office.trail()
    assert (event.kind, event.session_id, event.user_id, event.client_id, event.detail) == (
        "session.ended",
        "session",
        "ada",
        "web",
        {"reason": "revoked_by_administrator"},
    )


def test_ending_a_session_twice_changes_nothing(office: Any) -> None:
    """Neither trail nor feed grows."""
    for _ in range(2):
        office.run(end_session("session", store=office.store, now=office.now, settings=office.settings))
    assert len(office.trail()) == len(office.cut_offs()) == 1


def test_everything_that_a_person_has_open_is_ended(office: Any) -> None:
    """Browsers too, or the next refresh would be one click away."""
    office.open_session("other")
    person = office.run(
        end_sessions_of_user("ada@example.com", store=office.store, now=office.now, settings=office.settings)
    )
    assert person.is_active
    assert not office.is_session_alive()
    assert not office.is_session_alive("other")
    assert not office.is_signed_in()
    assert office.cut_offs() == office.everything_of_ada("session", "other")
    assert [(event.kind, event.user_id) for event in office.trail()] == [("user.sessions_ended", "ada")]


def test_an_unknown_session_or_person_is_refused(office: Any) -> None:
    """A mistyped id must not look like a success."""
    with pytest.raises(AdministrationError, match="there is no session sessio"):
        office.run(end_session("sessio", store=office.store, now=office.now, settings=office.settings))
    with pytest.raises(AdministrationError, match="nobody has"):
        office.run(end_sessions_of_user("bob", store=office.store, now=office.now, settings=office.settings))
    assert office.trail() == []
