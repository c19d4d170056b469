"""The guarded lines that are taken out, one function for each. A server runs one of them before it serves."""

import asyncio
import os
from importlib import import_module
from typing import Any, NoReturn

import msgspec
import sqlalchemy as sa

from faults.sabotage import Replace
from jotary.cli.front_door import protocol
from jotary.server.flows.grants import authorization_code, refresh_token
from jotary.server.keyring import keyring
from jotary.server.keyring.schedule import Rules
from jotary.server.model import changes
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.refresh_token import RefreshToken
from jotary.server.store import statements
from jotary.server.store import store as store_module
from jotary.server.store.purge import PURGES
from jotary.server.store.schema import codes, sessions
from jotary.server.store.sqlite import file
from jotary.server.store.store import Store
from jotary.verifier import keys, verifier
from jotary.verifier.keys import KeyState

_LATE = 0.02  # seconds
_ACKNOWLEDGED = (changes.RotateSession, changes.RedeemCode, changes.EndSession)  # what a client is told of
_running: set[asyncio.Task[None]] = set()


def answer_first(replace: Replace) -> None:
    """Whoever commits goes on at once, and the commit happens a moment later."""
    commit = Store.commit

    async def later(store: Store, *what: changes.Change) -> None:
        await asyncio.sleep(_LATE)
        await commit(store, *what)

    async def acknowledge(store: Store, *what: changes.Change) -> None:
        if not isinstance(what[0] if what else None, _ACKNOWLEDGED):
            await commit(store, *what)  # keys must be there before the server is
            return
        task = asyncio.create_task(later(store, *what))
        _running.add(task)
        task.add_done_callback(_running.discard)

    replace(Store, "commit", acknowledge)


def no_fsync(replace: Replace) -> None:
    """A commit returns when the operating system has it."""
    pragmas = (*(each for each in vars(file)["_PRAGMAS"] if "synchronous" not in each), "synchronous = OFF")
    replace(file, "_PRAGMAS", pragmas)


def no_retry_window(replace: Replace) -> None:
    """Every repetition is taken for theft."""
    replace(refresh_token, "_is_retry", lambda *_: False)


def rotate_again(replace: Replace) -> None:
    """A repetition within the window moves the session once more."""
    go_on = vars(refresh_token)["_go_on"]

    def move(request: Any, session: Any, *rest: Any) -> Any:
        token = RefreshToken(request.token.session_id, session.generation)
        return go_on(msgspec.structs.replace(request, token=token), session, *rest)

    replace(refresh_token, "_go_on", move)


def no_compare_and_set(replace: Replace) -> None:
    """A rotation moves the session on from wherever it is by now."""
    rotate = (
        sessions.update()
        .where(sessions.c.id == sa.bindparam("session_id"), sessions.c.ended_at.is_(None))
        .values(
            generation=sessions.c.generation + sa.literal_column("1"),
            rotated_at=sa.bindparam("at"),
            idle_expires_at=sa.bindparam("idle_expires_at"),
        )
    )
    _rewrite(replace, changes.RotateSession, rotate)


def redeem_twice(replace: Replace) -> None:
    """A code is redeemed whether it was or not.

    Its session's key would still let one redemption win, so each gets a session of its own.
    """
    redeem = codes.update().where(codes.c.id == sa.bindparam("code_id")).values(redeemed_at=sa.bindparam("at"))
    _rewrite(replace, changes.RedeemCode, redeem)
    open_session = vars(authorization_code)["_open"]

    def open_another(client: Any, code: Any, granted: Any, now: int, settings: Any) -> Any:
        session = open_session(client, code, granted, now, settings)
        entropy = os.urandom(IDENTIFIER_ENTROPY)
        return msgspec.structs.replace(session, id=new_identifier(now, entropy))

    replace(authorization_code, "_open", open_another)


def no_announcement(replace: Replace) -> None:
    """A new key signs at once."""
    rules_of = Rules.of

    def at_once(**how: Any) -> Rules:
        return msgspec.structs.replace(rules_of(**how), announcement=0)

    replace(Rules, "of", at_once)


def keep_retired_keys(replace: Replace) -> None:
    """A key is published for ever."""
    replace(keyring, "is_gone", lambda *_: False)


def drop_keys(replace: Replace) -> None:
    """Keys that could not be fetched anew are forgotten."""
    failed = keys.failed

    def forget(state: KeyState, reason: str, now: float) -> KeyState:
        return msgspec.structs.replace(failed(state, reason, now), keys=None)

    replace(keys, "failed", forget)


def no_leeway(replace: Replace) -> None:
    """An API's clock is the only one that counts."""
    expect = vars(verifier)["expect"]

    def strict(issuer: str, audience: Any, algorithms: Any, _: int, *rest: Any, **more: Any) -> Any:
        return expect(issuer, audience, algorithms, 0, *rest, **more)

    replace(verifier, "expect", strict)


def no_grace(replace: Replace) -> None:
    """What has expired is forgotten at once."""
    replace(store_module, "PURGES", [purge._replace(grace=0) for purge in PURGES])


def no_drain(replace: Replace) -> None:
    """Who is told to stop stops at once."""

    def end(*_: object) -> NoReturn:
        os._exit(0)

    replace(vars(import_module("jotary.cli.serve"))["_Server"], "handle_exit", end)


def answer_nobody(replace: Replace) -> None:
    """A request is answered whether anybody waits or not."""
    replace(protocol, "has_hung_up", lambda _: False)


def _rewrite(replace: Replace, change: type[changes.Change], sql: sa.Update) -> None:
    write = statements.WRITES[change]
    parts = (statements.Part(sql, guarded=True),)
    replaced = {**statements.WRITES, change: statements.Write(write.bind, parts)}
    replace(store_module, "WRITES", replaced)
