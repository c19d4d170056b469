"""Every change as SQL. To add a change: one entry in `WRITES`.

Only what SQLite and PostgreSQL both know. `FOR UPDATE` and `FOR SHARE` are written where a second transaction could
slip between a SELECT and its use; SQLite has one writer and leaves them out.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import bindparam

from jotary.server.model import changes
from jotary.server.model.allowance import WRONG_BY
from jotary.server.model.email_key import email_key
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.store import ending, rows
from jotary.server.store.comparing import as_known, is_as_known
from jotary.server.store.schema import (
    allowances,
    assertions,
    audit_chain,
    clients,
    codes,
    consents,
    events,
    passwords,
    revocations,
    sessions,
    sign_ins,
    signing_keys,
    users,
)
from jotary.server.store.upsert import Insert, Upsert


class Part(NamedTuple):
    """One statement of a change, with what `compiled.Statement` says of it."""

    sql: sa.ClauseElement
    guarded: bool
    may_lag: bool = False


class Write(NamedTuple):
    """How one kind of change is written: `bind` gives the values, the parts run in order."""

    bind: Callable[[Any], dict[str, Any]]
    parts: tuple[Part, ...]


def _guarded(sql: sa.ClauseElement) -> Part:
    """For an UPDATE, a DELETE or an INSERT … SELECT; a plain INSERT conflicts by its key."""
    return Part(sql, guarded=True)


def _plain(sql: sa.ClauseElement) -> Part:
    return Part(sql, guarded=False)


def _each_plain(parts: Iterable[sa.ClauseElement]) -> tuple[Part, ...]:
    return tuple(map(_plain, parts))


def _written(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns that the store fills; a position is the database's to give, and a seal is written later."""
    return [column for column in table.c if column.name not in {"position", "seal"}]


def _insert(table: sa.Table) -> sa.Insert:
    return table.insert().values({column.name: bindparam(column.name) for column in _written(table)})


def _update(table: sa.Table) -> sa.Update:
    values: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c if not column.primary_key}
    return table.update().where(*(column == bindparam(column.name) for column in table.primary_key)).values(values)


def _put(table: sa.Table) -> tuple[Part, ...]:
    """In one statement: a DELETE and an INSERT in PostgreSQL, twice at once, are a conflict over nothing."""

    def build(insert: Insert) -> Insert:
        values: dict[str, Any] = {column.name: bindparam(column.name) for column in table.c}
        replaced = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
        return insert.values(values).on_conflict_do_update(index_elements=list(table.primary_key), set_=replaced)

    return (_plain(Upsert(table, build)),)


def _delete(table: sa.Table, name: str) -> tuple[Part, ...]:
    return (_guarded(table.delete().where(table.c.id == bindparam(name))),)


def _as_long_as(*conditions: sa.ColumnElement[bool]) -> sa.Exists:
    """FOR SHARE: whoever changes that row waits, then sees what was opened on it."""
    living: sa.Select[tuple[Any]] = sa.select(sa.literal_column("1")).where(*conditions)
    return sa.exists(living.with_for_update(read=True))


def _sign_in_not_ended(sign_in_id: Any) -> sa.Exists:
    return _as_long_as(sign_ins.c.id == sign_in_id, sign_ins.c.ended_at.is_(None))


def _insert_where(table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.Insert:
    values: list[sa.ColumnElement[Any]] = [bindparam(column.name, type_=column.type) for column in table.c]
    return table.insert().from_select([column.name for column in table.c], sa.select(*values).where(condition))


def _user(user: User) -> dict[str, Any]:
    return {**rows.USERS.values(user), "email_key": email_key(user.email)}


def _session(session: Session) -> dict[str, Any]:
    return {**rows.SESSIONS.values(session), "offline": "offline_access" in session.scopes}


_fields = msgspec.structs.asdict  # the names of a change's fields are the names of its parameters

_insert_sign_in = _insert_where(
    sign_ins, _as_long_as(users.c.id == bindparam("user_id"), users.c.disabled_at.is_(None))
)
_insert_code = _insert_where(codes, _sign_in_not_ended(bindparam("sign_in_id")))

_touch_sign_in = (
    sign_ins.update()
    .where(sign_ins.c.id == bindparam("sign_in_id"), sign_ins.c.last_seen_at < bindparam("at"))
    .values(last_seen_at=bindparam("at"))
)

_redeem_code = (
    codes.update()
    .where(codes.c.id == bindparam("code_id"), codes.c.redeemed_at.is_(None), _sign_in_not_ended(codes.c.sign_in_id))
    .values(redeemed_at=bindparam("at"))
)

_rotate_session = (
    sessions.update()
    .where(*ending.living(sessions, "id", "session_id"), sessions.c.generation == bindparam("generation"))
    .values(
        generation=sessions.c.generation + sa.literal_column("1"),
        rotated_at=bindparam("at"),
        idle_expires_at=bindparam("idle_expires_at"),
    )
)


def _take_attempt(insert: Insert) -> Insert:
    """Whoever comes second waits for the first, and sees what is left then."""
    restored_at = allowances.c.restored_at
    at, interval, tolerance = (bindparam(name, type_=restored_at.type) for name in ("at", "interval", "tolerance"))
    farthest = at + tolerance + interval + WRONG_BY
    return insert.values(id=bindparam("allowance_id"), restored_at=at + interval).on_conflict_do_update(
        index_elements=[allowances.c.id],
        set_={"restored_at": sa.case((restored_at.between(at, farthest), restored_at), else_=at) + interval},
        where=~restored_at.between(at + tolerance + 1, farthest),
    )


_return_attempt = (
    allowances.update()
    .where(allowances.c.id == bindparam("allowance_id"))
    .values(restored_at=allowances.c.restored_at - bindparam("interval"))
)


_NEVER = -1  # for a moment that is not decided: SQL compares no NULL
_KEY_CHANGES = ("sealed_private_key", "retiring_from", "gone_from")  # what is ever changed of a key


def _replaced_key(change: changes.ReplaceSigningKey) -> dict[str, Any]:
    before = rows.SIGNING_KEYS.values(change.before)
    known = {f"known_{name}": _NEVER if before[name] is None else before[name] for name in _KEY_CHANGES}
    return {**rows.SIGNING_KEYS.values(change.key), **known}


_replace_signing_key = _update(signing_keys).where(
    signing_keys.c.sealed_private_key == bindparam("known_sealed_private_key"),
    *(
        sa.func.coalesce(signing_keys.c[name], sa.literal_column(str(_NEVER))) == bindparam(f"known_{name}")
        for name in ("retiring_from", "gone_from")
    ),
)

_replace_password = _update(passwords).where(passwords.c.hash == bindparam("known_hash"))


def _replaced_password(change: changes.ReplacePassword) -> dict[str, Any]:
    return {**rows.PASSWORDS.values(change.password), "known_hash": change.before.hash}


def _replaced_client(change: changes.ReplaceClient) -> dict[str, Any]:
    return {**rows.CLIENTS.values(change.client), **as_known(rows.CLIENTS.values(change.before))}


_replace_client = _update(clients).where(*is_as_known(clients))


_move_audit_chain = _update(audit_chain).where(audit_chain.c.stamp == bindparam("before"))
_seal_event = events.update().where(events.c.position == bindparam("position")).values(seal=bindparam("seal"))
_purge_events = events.delete().where(events.c.position <= bindparam("through"))


def _chain(change: changes.PutAuditChain | changes.AddAuditChain | changes.MoveAuditChain) -> dict[str, Any]:
    return rows.AUDIT_CHAIN.values(change.chain)


WRITES: dict[type[changes.Change], Write] = {
    changes.AddUser: Write(lambda change: _user(change.user), (_plain(_insert(users)),)),
    changes.ReplaceUser: Write(lambda change: _user(change.user), (_guarded(_update(users)),)),
    changes.DeleteUser: Write(_fields, _delete(users, "user_id")),
    changes.PutPassword: Write(lambda change: rows.PASSWORDS.values(change.password), _put(passwords)),
    changes.ReplacePassword: Write(_replaced_password, (_guarded(_replace_password),)),
    changes.AddClient: Write(lambda change: rows.CLIENTS.values(change.client), (_plain(_insert(clients)),)),
    changes.ReplaceClient: Write(_replaced_client, (_guarded(_replace_client),)),
    changes.DeleteClient: Write(_fields, _delete(clients, "client_id")),
    changes.AddSignIn: Write(lambda change: rows.SIGN_INS.values(change.sign_in), (_guarded(_insert_sign_in),)),
    changes.TouchSignIn: Write(_fields, (_plain(_touch_sign_in),)),
    changes.EndSignIn: Write(_fields, (_plain(ending.end_sign_ins("id", "sign_in_id")),)),
    changes.AddCode: Write(lambda change: rows.CODES.values(change.code), (_guarded(_insert_code),)),
    changes.RedeemCode: Write(_fields, (_guarded(_redeem_code),)),
    changes.AddSession: Write(lambda change: _session(change.session), (_plain(_insert(sessions)),)),
    changes.RotateSession: Write(_fields, (_guarded(_rotate_session),)),
    changes.EndSession: Write(_fields, _each_plain(ending.end_sessions(*ending.living(sessions, "id", "session_id")))),
    changes.EndSessionsOfSignIn: Write(
        _fields,
        _each_plain(
            ending.end_sessions(*ending.living(sessions, "sign_in_id", "sign_in_id"), sa.not_(sessions.c.offline))
        ),
    ),
    changes.EndSessionsOfUser: Write(_fields, _each_plain(ending.END_OF_USER)),
    changes.EndSessionsOfClient: Write(_fields, _each_plain(ending.END_OF_CLIENT)),
    changes.PutConsent: Write(lambda change: rows.CONSENTS.values(change.consent), _put(consents)),
    changes.AddSigningKey: Write(lambda change: rows.SIGNING_KEYS.values(change.key), (_plain(_insert(signing_keys)),)),
    changes.ReplaceSigningKey: Write(_replaced_key, (_guarded(_replace_signing_key),)),
    changes.AddRevocation: Write(
        lambda change: rows.REVOCATIONS.values(change.revocation), (_plain(_insert(revocations)),)
    ),
    changes.RememberAssertion: Write(_fields, (_plain(_insert(assertions)),)),
    changes.TakeAttempt: Write(_fields, (Part(Upsert(allowances, _take_attempt), guarded=True, may_lag=True),)),
    changes.ReturnAttempt: Write(_fields, (_plain(_return_attempt),)),
    changes.AddEvent: Write(lambda change: rows.EVENTS.values(change.event), (_plain(_insert(events)),)),
    changes.PutAuditChain: Write(_chain, _put(audit_chain)),
    changes.AddAuditChain: Write(_chain, (_plain(_insert(audit_chain)),)),
    changes.MoveAuditChain: Write(
        lambda change: {**_chain(change), "before": change.before}, (_guarded(_move_audit_chain),)
    ),
    changes.SealEvent: Write(_fields, (_guarded(_seal_event),)),
    changes.PurgeEvents: Write(_fields, (_plain(_purge_events),)),
}
