"""Every read as SQL."""

from typing import Any, Generic

import sqlalchemy as sa
from sqlalchemy import bindparam

from jotary.server.model.allowance import Allowance
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.sealed_event import SealedEvent
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.store import rows
from jotary.server.store.rows import Record, Rows
from jotary.server.store.schema import (
    Integer,
    Text,
    consents,
    events,
    passwords,
    revocations,
    sessions,
    signing_keys,
    users,
)


class Query(Generic[Record]):
    """A SELECT and the kind of record that its rows hold."""

    def __init__(self, kind: Rows[Record], sql: sa.Select[tuple[Any, ...]]) -> None:
        self.kind = kind
        self.sql = sql


def _select(kind: Rows[Record], *where: sa.ColumnElement[bool]) -> sa.Select[tuple[Any, ...]]:
    return sa.select(*kind.columns).where(*where)


def _by_id(kind: Rows[Record]) -> Query[Record]:
    return Query(kind, _select(kind, kind.table.c.id == bindparam("id")))


def _page(kind: Rows[Record], key: str, *where: sa.ColumnElement[bool]) -> Query[Record]:
    """Up to `limit` rows behind `after`, in order of `key`."""
    column = kind.table.c[key]
    return Query(kind, _select(kind, column > bindparam("after"), *where).order_by(column).limit(bindparam("limit")))


USER: Query[User] = _by_id(rows.USERS)
USER_BY_EMAIL: Query[User] = Query(rows.USERS, _select(rows.USERS, users.c.email_key == bindparam("email_key")))
PASSWORD: Query[Password] = Query(rows.PASSWORDS, _select(rows.PASSWORDS, passwords.c.user_id == bindparam("user_id")))
CLIENT: Query[Client] = _by_id(rows.CLIENTS)
SIGN_IN: Query[SignIn] = _by_id(rows.SIGN_INS)
CODE: Query[AuthorizationCode] = _by_id(rows.CODES)
SESSION: Query[Session] = _by_id(rows.SESSIONS)
ALLOWANCE: Query[Allowance] = _by_id(rows.ALLOWANCES)
CONSENT: Query[Consent] = Query(
    rows.CONSENTS,
    _select(rows.CONSENTS, consents.c.user_id == bindparam("user_id"), consents.c.client_id == bindparam("client_id")),
)
# The one that cuts off most, should two nodes' clocks have disagreed.
REVOCATION: Query[Revocation] = Query(
    rows.REVOCATIONS,
    _select(
        rows.REVOCATIONS,
        revocations.c.kind == bindparam("kind"),
        revocations.c.value == bindparam("value"),
        revocations.c.expires_at > bindparam("now"),
    )
    .order_by(revocations.c.issued_before.desc(), revocations.c.position.desc())
    .limit(1),
)

USERS: Query[User] = _page(rows.USERS, "id")
CLIENTS: Query[Client] = Query(rows.CLIENTS, _select(rows.CLIENTS).order_by(rows.CLIENTS.table.c.id))
SESSIONS: Query[Session] = _page(rows.SESSIONS, "id", sessions.c.ended_at.is_(None))
SESSIONS_OF_USER: Query[Session] = Query(
    rows.SESSIONS,
    _select(rows.SESSIONS, sessions.c.user_id == bindparam("user_id")).order_by(
        sessions.c.created_at.desc(), sessions.c.id.desc()
    ),
)
SIGNING_KEYS: Query[SigningKey] = Query(
    rows.SIGNING_KEYS, _select(rows.SIGNING_KEYS).order_by(signing_keys.c.announced_at, signing_keys.c.id)
)
REVOCATIONS: Query[Revocation] = _page(rows.REVOCATIONS, "position", revocations.c.expires_at > bindparam("now"))
EVENTS: Query[Event] = _page(rows.EVENTS, "position")


def _wanted(name: str) -> sa.ColumnElement[bool]:
    """Whether a column has the value that is looked for, if one is."""
    value = bindparam(name, type_=Text)
    return sa.or_(value.is_(None), events.c[name] == value)


_kind = bindparam("kind", type_=Text)
_WANTED = (
    _wanted("user_id"),
    _wanted("client_id"),
    # the whole kind, or the part before the dot
    sa.or_(_wanted("kind"), sa.func.substr(events.c.kind, 1, sa.func.length(_kind) + 1) == _kind + "."),
    events.c.at >= bindparam("since", type_=Integer),
)

AUDIT_CHAIN: Query[AuditChain] = _by_id(rows.AUDIT_CHAIN)
SEALED_EVENTS: Query[SealedEvent] = _page(rows.SEALED_EVENTS, "position")
FOUND_EVENTS: Query[SealedEvent] = _page(rows.SEALED_EVENTS, "position", *_WANTED)
LATEST_EVENTS: Query[SealedEvent] = Query(
    rows.SEALED_EVENTS,
    _select(rows.SEALED_EVENTS, events.c.position < bindparam("before"), *_WANTED)
    .order_by(events.c.position.desc())
    .limit(bindparam("limit")),
)

ALL: tuple[Query[Any], ...] = (
    *(USER, USER_BY_EMAIL, PASSWORD, CLIENT, SIGN_IN, CODE, SESSION, ALLOWANCE, CONSENT, REVOCATION),
    *(USERS, CLIENTS, SESSIONS, SESSIONS_OF_USER, SIGNING_KEYS, REVOCATIONS, EVENTS),
    *(AUDIT_CHAIN, SEALED_EVENTS, FOUND_EVENTS, LATEST_EVENTS),
)
