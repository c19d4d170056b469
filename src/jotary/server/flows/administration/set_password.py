"""Giving somebody another password, by the rules of signing up: for who has forgotten theirs, or shares it."""

import asyncio
from typing import Final

from jotary.oauth.secret import Secret
from jotary.server.flows.accounts.password_rules import refusals_for
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.administration.user_standing import UserStore, find_user
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, EndSessionsOfUser, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.ports import PasswordHasher
from jotary.server.settings import Settings

_CHOOSE_ANOTHER: Final = "Choose another one."


def decide(user: User, phc: str, *, keep_sessions: bool, now: int, settings: Settings) -> tuple[Change, ...]:
    """What to write; `phc` is the password's hash. All that is open ends, unless `keep_sessions`.

    Whatever else changes the password at the same moment, the operator's word is the last.
    """
    end = EndSessionsOfUser(user.id, now, "password_changed", last_token_expires_at(now, settings))
    detail = {"by": "administrator", "sessions": "kept" if keep_sessions else "ended"}
    return (
        PutPassword(Password(user_id=user.id, hash=phc, changed_at=now)),
        *(() if keep_sessions else (end,)),
        AddEvent(Event(kind="user.password_changed", at=now, user_id=user.id, detail=detail)),
    )


async def set_password(
    who: str,
    password: Secret,
    *,
    keep_sessions: bool,
    store: UserStore,
    hasher: PasswordHasher,
    now: int,
    settings: Settings,
) -> User:
    """Set the password of the person with this e-mail address or id, and return them.

    Raises:
        AdministrationError: there is no such person, or the password cannot be used.
        Unavailable: the store or the hash pool cannot answer.
    """
    user = await find_user(who, store)
    found = await asyncio.to_thread(refusals_for, user, password, settings)
    if found:
        raise AdministrationError(f"password: {' '.join(found)}".removesuffix("."), hint=_CHOOSE_ANOTHER)
    phc = await hasher.hash(password.reveal())

    async def attempt() -> User:
        person = await find_user(user.id, store)
        await store.commit(*decide(person, phc, keep_sessions=keep_sessions, now=now, settings=settings))
        return person

    return await until_committed(attempt)
