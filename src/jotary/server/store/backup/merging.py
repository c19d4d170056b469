"""Bringing a backup's rows into a database so that nothing comes alive that was ended since (docs/decisions/0012).

What the present database knows wins: who was deleted there stays deleted, and its keys go on. All sessions, sign-ins
and codes of both end. With an empty database there is nothing that it knows, and the same rules hold.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from jotary.server.keyring.rotation import KEY_CUT_OFF_LIFETIME
from jotary.server.store.backup.positions import continue_behind, last_position
from jotary.server.store.backup.records import Batch
from jotary.server.store.backup.rules import merged_client, merged_user, withdrawn
from jotary.server.store.schema import (
    Integer,
    allowances,
    assertions,
    audit_chain,
    clients,
    codes,
    consents,
    events,
    metadata,
    passwords,
    revocations,
    sessions,
    sign_ins,
    signing_keys,
    users,
)

_OWNERS: Final = (users, clients)
#: Nothing of these outlives a restore, wherever it stood.
ENDED: Final = (codes, sessions, sign_ins)
#: Of these the present database's own rows stay, and no others come: what was withdrawn since is not known.
KEPT: Final = (allowances, consents)

_Rows = Sequence[dict[str, Any]]


def _ids(name: str) -> sa.Table:
    """Ids of people and clients that the transaction has to remember."""
    return sa.Table(
        f"restore_{name}",
        sa.MetaData(),
        sa.Column("owner", sa.Text(), primary_key=True),
        sa.Column("id", sa.Text(), primary_key=True),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DROP",
    )


class Merging:
    """One restore, inside its transaction: `learn` every batch, `begin`, `bring` every batch, `end`.

    Args:
        connection: in the transaction.
        now: Unix seconds.
        cut_off_until: when the last token that lives now is dead everywhere.
    """

    def __init__(self, connection: sa.Connection, *, now: int, cut_off_until: int) -> None:
        self._connection = connection
        self._now = now
        self._cut_off_until = cut_off_until
        self._known, self._deleted, self._new = _ids("known"), _ids("deleted"), _ids("new")
        self._last_event: dict[str, Any] | None = None
        self._chain: dict[str, Any] | None = None
        self._has_trail = False
        self._position = 0
        self.removed = dict.fromkeys(("users", "clients"), 0)
        self.left_out = dict.fromkeys(("users", "clients"), 0)
        for table in (self._known, self._deleted, self._new):
            table.create(connection)

    def learn(self, batch: Batch, names: Sequence[str]) -> None:
        """Remember whom the backup knows, and where its feeds end."""
        rows = [dict(zip(names, row, strict=True)) for row in batch.rows]
        if batch.table in self.removed:
            self._remember(self._known, batch.table, [row["id"] for row in rows])
        elif batch.table == events.name:
            self._last_event = rows[-1]
        elif batch.table == audit_chain.name:
            self._chain = rows[-1]
        elif batch.table == revocations.name:
            self._position = rows[-1]["position"]

    def begin(self, made_at: int) -> None:
        """End what lives, take away whom the backup does not know, and make room in the trail.

        Args:
            made_at: the moment of the backup, Unix seconds.
        """
        # Behind every position that any database of this issuer has given: those count from 1, and these from the time.
        floor = max(self._position, last_position(self._connection, revocations), self._now * 1000)
        continue_behind(self._connection, revocations, floor)
        self._cut_off(clients.c.id, "client_id", self._cut_off_until, sa.true())
        for table in ENDED:
            self._connection.execute(table.delete())
        has_gap = self._has_gap(made_at)
        for table in _OWNERS:
            self._find_deleted(table, has_gap=has_gap)
            self._remove_unknown(table)
        self._has_trail = self._is_in_trail(self._last_event)
        if not self._has_trail:
            self._connection.execute(audit_chain.delete())  # it is of the trail that moves
            self._move_trail_behind()

    def bring(self, batch: Batch, names: Sequence[str]) -> None:
        """Write what may come of a batch."""
        bring = BROUGHT.get(batch.table)
        if bring is not None and batch.rows:
            bring(self, [dict(zip(names, row, strict=True)) for row in batch.rows])

    def end(self) -> None:
        """Cut off the clients that came, too, and let both feeds go on behind their last entry."""
        new = sa.select(self._new.c.id).where(self._new.c.owner == clients.name)
        self._cut_off(clients.c.id, "client_id", self._cut_off_until, clients.c.id.in_(new))
        continue_behind(self._connection, events, last_position(self._connection, events))

    def _remember(self, where: sa.Table, owner: str, ids: Sequence[str]) -> None:
        if ids:
            self._connection.execute(where.insert(), [{"owner": owner, "id": each} for each in ids])

    def _cut_off(self, column: sa.Column[str], kind: str, end: int, which: sa.ColumnElement[bool]) -> None:
        """Every access token names its client, so a few entries end them all (design §6.3); a key, too.

        Whoever has a key writes any `iat`, so its cut-off touches every one.
        """
        now, until = sa.literal(self._now, Integer), sa.literal(end, Integer)
        before = until if kind == "kid" else now
        cut_offs = sa.select(sa.literal(kind, sa.Text()), column, before, now, until).where(which)
        names = ["kind", "value", "issued_before", "created_at", "expires_at"]
        self._connection.execute(revocations.insert().from_select(names, cut_offs))

    def _has_gap(self, made_at: int) -> bool:
        """Whether retention has removed what happened after the backup, deletions perhaps."""
        purged = sa.select(events.c.position).where(events.c.kind == "audit.purged").limit(1)
        oldest = self._connection.scalar(sa.select(events.c.at).order_by(events.c.position).limit(1))
        return self._connection.scalar(purged) is not None and oldest is not None and oldest > made_at

    def _find_deleted(self, table: sa.Table, *, has_gap: bool) -> None:
        """Whom the present trail says was deleted; where it has forgotten some, everybody. Who is there stays."""
        if has_gap:
            gone = sa.select(self._known.c.owner, self._known.c.id).where(self._known.c.owner == table.name)
        else:
            column = events.c.user_id if table is users else events.c.client_id
            kind = "user.deleted" if table is users else "client.deleted"
            gone = sa.select(sa.literal(table.name, sa.Text()), column).distinct()
            gone = gone.where(events.c.kind == kind, column.is_not(None))
        self._connection.execute(self._deleted.insert().from_select(["owner", "id"], gone))

    def _remove_unknown(self, table: sa.Table) -> None:
        """Whoever came after the backup goes, with all that is theirs."""
        known = sa.select(self._known.c.id).where(self._known.c.owner == table.name)
        for owned in metadata.sorted_tables:
            for column in owned.c:
                if any(key.column.table is table for key in column.foreign_keys):
                    self._connection.execute(owned.delete().where(column.not_in(known)))
        self.removed[table.name] = self._connection.execute(table.delete().where(table.c.id.not_in(known))).rowcount

    def bring_users(self, rows: _Rows) -> None:
        """Those who stay are merged; those who were deleted stay out."""
        self._bring_owners(users, rows, merged_user)

    def bring_clients(self, rows: _Rows) -> None:
        """As people."""
        self._bring_owners(clients, rows, merged_client)

    def _bring_owners(self, table: sa.Table, rows: _Rows, merged: Callable[[Any, Any], dict[str, Any]]) -> None:
        present = {row["id"]: row for row in self._find(table, "id", [row["id"] for row in rows])}
        gone = self._among(self._deleted, table.name, rows)
        new = [row for row in rows if row["id"] not in present and row["id"] not in gone]
        if table is users:
            taken = {row["email_key"] for row in self._find(users, "email_key", [row["email_key"] for row in new])}
            new = [row for row in new if row["email_key"] not in taken]
        self.left_out[table.name] += len(rows) - len(present) - len(new)
        for row in rows:
            if row["id"] in present:
                values = merged(present[row["id"]], row)
                self._connection.execute(table.update().where(table.c.id == row["id"]).values(values))
        self._insert(table, new)
        self._remember(self._new, table.name, [row["id"] for row in new])

    def bring_passwords(self, rows: _Rows) -> None:
        """Of those who came: for everybody else the present one stands, and so does having none."""
        new = self._among(self._new, users.name, [{"id": row["user_id"]} for row in rows])
        self._insert(passwords, [row for row in rows if row["user_id"] in new])

    def bring_keys(self, rows: _Rows) -> None:
        """As names of what was; they neither sign nor verify."""
        present = {row["id"] for row in self._find(signing_keys, "id", [row["id"] for row in rows])}
        new = [withdrawn(row, self._now) for row in rows if row["id"] not in present]
        self._insert(signing_keys, new)
        which = signing_keys.c.id.in_([row["id"] for row in new if row["gone_from"] == self._now])
        self._cut_off(signing_keys.c.id, "kid", self._now + KEY_CUT_OFF_LIFETIME, which)

    def bring_cut_offs(self, rows: _Rows) -> None:
        """Behind all others: whoever follows takes an entry twice without harm, and must miss none."""
        living = [row for row in rows if row["expires_at"] > self._now]
        self._insert(revocations, [{name: row[name] for name in row if name != "position"} for row in living])

    def bring_assertions(self, rows: _Rows) -> None:
        """What was used stays used (RFC 7523 §3). Places of signing keys, which no client has, are not brought."""
        same = self._find(assertions, "jti", [row["jti"] for row in rows])
        known = {(row["client_id"], row["jti"]) for row in same}
        new = [row for row in rows if row["client_id"] and (row["client_id"], row["jti"]) not in known]
        self._insert(assertions, new)

    def bring_events(self, rows: _Rows) -> None:
        """Unless the present trail goes on where the backup's ends."""
        if not self._has_trail:
            self._insert(events, rows)

    def bring_audit_chain(self, rows: _Rows) -> None:
        """With the trail that it is of."""
        if not self._has_trail:
            self._insert(audit_chain, rows)

    def _is_in_trail(self, event: dict[str, Any] | None) -> bool:
        """Whether the present trail goes on where the backup's ends, or did before retention removed that."""
        if event is None:
            return True
        present = self._connection.execute(sa.select(audit_chain)).mappings().first()
        is_same = present is not None and self._chain is not None and present["begun_at"] == self._chain["begun_at"]
        if is_same and present is not None and present["anchor_position"] >= event["position"]:
            return True
        found = [dict(row) for row in self._find(events, "position", [event["position"]])]
        return [{**row, "seal": event["seal"]} for row in found] == [event]  # it may have been sealed since

    def _move_trail_behind(self) -> None:
        """Two trails: the backup's keeps its positions, and the present one follows it."""
        last = self._last_event["position"] if self._last_event else 0
        offset = max(last, last_position(self._connection, events)) + 1  # beyond both, so that no two ever meet
        # Sealed anew behind the backup's: a seal has the position in it.
        self._connection.execute(events.update().values(position=events.c.position + offset, seal=None))

    def _among(self, where: sa.Table, owner: str, rows: _Rows) -> set[str]:
        query = sa.select(where.c.id).where(where.c.owner == owner, where.c.id.in_([row["id"] for row in rows]))
        return set(self._connection.scalars(query))

    def _find(self, table: sa.Table, column: str, values: Sequence[Any]) -> Sequence[sa.RowMapping]:
        return self._connection.execute(sa.select(table).where(table.c[column].in_(values))).mappings().all()

    def _insert(self, table: sa.Table, rows: _Rows) -> None:
        if rows:
            self._connection.execute(table.insert(), list(rows))


#: What becomes of the backup's rows, by table. A table that is neither here nor in `ENDED` or `KEPT` fails a test.
BROUGHT: Final[dict[str, Callable[[Merging, _Rows], None]]] = {
    users.name: Merging.bring_users,
    clients.name: Merging.bring_clients,
    passwords.name: Merging.bring_passwords,
    signing_keys.name: Merging.bring_keys,
    revocations.name: Merging.bring_cut_offs,
    assertions.name: Merging.bring_assertions,
    events.name: Merging.bring_events,
    audit_chain.name: Merging.bring_audit_chain,
}
