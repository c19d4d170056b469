"""Whether a person may use their account: disabling, enabling and deleting it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.cut_off import last_token_expires_at
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, DeleteUser, EndSessionsOfUser, ReplaceUser
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.ports import Commit, Users
from jotary.server.settings import Settings

Decide = Callable[[User, int, Settings], tuple[Change, ...]]


class UserStore(Users, Commit, Protocol):
    """What is read and written."""


def disable(user: User, now: int, settings: Settings) -> tuple[Change, ...]:
    """No sign-in and no token any more; what they hold is cut off at once. Disabling twice changes nothing."""
    if not user.is_active:
        return ()
    return (
        ReplaceUser(msgspec.structs.replace(user, disabled_at=now)),
        _end_sessions(user, "user_disabled", now, settings),
        _event("user.disabled", user, now),
    )


def enable(user: User, now: int, settings: Settings) -> tuple[Change, ...]:  # noqa: ARG001 -- the signature of the three
    """They may sign in again; what was ended stays ended. Enabling twice changes nothing."""
    if user.is_active:
        return ()
    return ReplaceUser(msgspec.structs.replace(user, disabled_at=None)), _event("user.enabled", user, now)


def delete(user: User, now: int, settings: Settings) -> tuple[Change, ...]:
    """Nothing of them is kept but the audit trail, by their id; what they hold is cut off at once."""
    return (
        # A sign-in beside this waits then, or what it opens would go with the person and its token be good at APIs.
        ReplaceUser(msgspec.structs.replace(user, disabled_at=now)),
        _end_sessions(user, "user_deleted", now, settings),  # before the rows go that it finds the sessions by
        DeleteUser(user.id),
        _event("user.deleted", user, now),
    )


async def change_standing(decide: Decide, who: str, *, store: UserStore, now: int, settings: Settings) -> User:
    """Carry out `disable`, `enable` or `delete`, and return the person as they are then, or were before they went.

    Args:
        decide: one of the three.
        who: e-mail address or id.
        store: where people are kept.
        now: Unix seconds.
        settings: for how long a cut-off must stand.

    Raises:
        AdministrationError: there is no such person.
        Unavailable: the store does not answer.
    """

    async def attempt() -> User:
        user = await find_user(who, store)
        await store.commit(*decide(user, now, settings))
        return await store.user(user.id) or user

    return await until_committed(attempt)


async def find_user(who: str, users: Users) -> User:
    """The person with this e-mail address or id.

    Raises:
        AdministrationError: there is none.
    """
    look_up: Callable[[str], Awaitable[User | None]] = users.user_by_email if "@" in who else users.user
    user = await look_up(who)
    if user is None:
        raise AdministrationError(f"nobody has the e-mail address or id {who}", hint="See: jotary user list")
    return user


def _end_sessions(user: User, reason: str, now: int, settings: Settings) -> Change:
    return EndSessionsOfUser(user.id, now, reason, last_token_expires_at(now, settings))


def _event(kind: str, user: User, now: int) -> Change:
    return AddEvent(Event(kind=kind, at=now, user_id=user.id))
