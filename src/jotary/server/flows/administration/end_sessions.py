"""Ending a client's session, or everything that a person has open."""

from typing import Protocol

from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.administration.user_standing import find_user
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.session_end import end_one
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, EndSessionsOfUser
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.ports import Commit, Sessions, Users
from jotary.server.settings import Settings

_REASON = "revoked_by_administrator"


class SessionStore(Sessions, Users, Commit, Protocol):
    """What is read and written."""


def end_all(user: User, now: int, settings: Settings) -> tuple[Change, ...]:
    """End every session and sign-in of a person and cut off their tokens."""
    event = Event(kind="user.sessions_ended", at=now, user_id=user.id, detail={"reason": _REASON})
    return EndSessionsOfUser(user.id, now, _REASON, last_token_expires_at(now, settings)), AddEvent(event)


async def end_session(session_id: str, *, store: SessionStore, now: int, settings: Settings) -> Session:
    """End one session and return it as it was.

    Raises:
        AdministrationError: there is no such session.
        Unavailable: the store does not answer.
    """

    async def attempt() -> Session:
        session = await store.session(session_id)
        if session is None:
            raise AdministrationError(f"there is no session {session_id}", hint="See: jotary session list")
        await store.commit(*end_one(session, _REASON, now=now, settings=settings))
        return session

    return await until_committed(attempt)


async def end_sessions_of_user(who: str, *, store: SessionStore, now: int, settings: Settings) -> User:
    """End everything that a person has open; `who` is an e-mail address or id.

    Raises:
        AdministrationError: there is no such person.
        Unavailable: the store does not answer.
    """

    async def attempt() -> User:
        user = await find_user(who, store)
        await store.commit(*end_all(user, now, settings))
        return user

    return await until_committed(attempt)
