"""Ending one session by the word of somebody who may: the person, or an operator."""

from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.model.changes import AddEvent, Change, EndSession
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.settings import Settings


def end_one(session: Session, reason: str, *, now: int, settings: Settings) -> tuple[Change, ...]:
    """What ending a session writes: its end, its tokens' cut-off, and whose word it was. Twice changes nothing."""
    if session.ended_at is not None:
        return ()
    event = Event(
        kind="session.ended",
        at=now,
        user_id=session.user_id,
        client_id=session.client_id,
        session_id=session.id,
        detail={"reason": reason},
    )
    return EndSession(session.id, now, reason, last_token_expires_at(now, settings)), AddEvent(event)
