"""How sign-ins and sessions end, and what is cut off with them for APIs to see (design §6.3)."""

import sqlalchemy as sa
from sqlalchemy import bindparam

from jotary.server.store.schema import Integer, clients, codes, revocations, sessions, sign_ins


def living(table: sa.Table, column: str, name: str) -> list[sa.ColumnElement[bool]]:
    """What has not ended, by the value of a column."""
    return [table.c[column] == bindparam(name), table.c.ended_at.is_(None)]


def end_sign_ins(column: str, name: str) -> sa.Update:
    """End what lives."""
    return sign_ins.update().where(*living(sign_ins, column, name)).values(ended_at=bindparam("at"))


def _end_sessions(*which: sa.ColumnElement[bool]) -> sa.Update:
    return sessions.update().where(*which).values(ended_at=bindparam("at"), end_reason=bindparam("reason"))


def _cut_off_each(kind: str, table: sa.Table, issued_before: str, *which: sa.ColumnElement[bool]) -> sa.Insert:
    """A cut-off for each row, which from now on nobody changes, and nobody adds to."""
    moments = [bindparam(name, type_=Integer) for name in (issued_before, "at", "revocation_expires_at")]
    each = sa.select(sa.literal_column(f"'{kind}'"), table.c.id, *moments).where(*which).with_for_update()
    return revocations.insert().from_select(["kind", "value", "issued_before", "created_at", "expires_at"], each)


def end_sessions(*which: sa.ColumnElement[bool]) -> tuple[sa.ClauseElement, ...]:
    """A `sid` cut-off for each session, and its end.

    An ended session never issues again, so its cut-off covers every token of it: a token that another node issued
    a moment later by its own clock must not slip through.
    """
    return _cut_off_each("sid", sessions, "revocation_expires_at", *which), _end_sessions(*which)


_cut_off_user = revocations.insert().values(
    kind="sub",
    value=bindparam("user_id"),
    issued_before=bindparam("at"),
    created_at=bindparam("at"),
    expires_at=bindparam("revocation_expires_at"),
)

END_OF_USER: tuple[sa.ClauseElement, ...] = (
    end_sign_ins("user_id", "user_id"),  # first: what waits on one of them to redeem a code then finds it ended
    # A refresh that is committed first may be of a later second than `at`, so `sub` alone would let it through.
    *end_sessions(*living(sessions, "user_id", "user_id")),
    _cut_off_user,
)

END_OF_CLIENT: tuple[sa.ClauseElement, ...] = (
    # A code in flight would open a session behind the cut-off.
    codes.delete().where(codes.c.client_id == bindparam("client_id"), codes.c.redeemed_at.is_(None)),
    # Codes and sessions refer to the client: none comes between here and the commit.
    _cut_off_each("client_id", clients, "at", clients.c.id == bindparam("client_id")),
    # Ended first: it waits for a refresh that is under way, and then sees that the session is in use.
    _end_sessions(*living(sessions, "client_id", "client_id")),
    _cut_off_each(
        "sid",
        sessions,
        "revocation_expires_at",
        sessions.c.client_id == bindparam("client_id"),
        sessions.c.ended_at == bindparam("at"),
        sessions.c.rotated_at >= bindparam("in_use_since"),
    ),
)
