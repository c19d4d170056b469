"""Restoring a backup: read whole, judged, then written in one transaction or not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from jotary.server.model.event import Event
from jotary.server.store.backends import backend
from jotary.server.store.backup.error import BackupError
from jotary.server.store.backup.key import BackupKey
from jotary.server.store.backup.merging import Merging
from jotary.server.store.backup.positions import continue_behind, last_position, lock
from jotary.server.store.backup.reading import check_backup, open_backup
from jotary.server.store.backup.records import Manifest
from jotary.server.store.backup.writing import columns
from jotary.server.store.migrations import HEAD, Enrol, upgrade
from jotary.server.store.rows import EVENTS
from jotary.server.store.schema import clients, events, metadata, revocations, signing_keys, users

#: Raises when a private key does not open under the server's secret: (sealed, its `kid`).
OpenKey = Callable[[bytes, str], object]

_FEEDS: Final = (revocations, events)


class Restoring(msgspec.Struct, frozen=True, kw_only=True):
    """How to restore.

    Attributes:
        issuer: of the server that the database is for.
        now: Unix seconds.
        cut_off_until: when the last access token that lives now is dead everywhere, Unix seconds.
        replaces: whether the database may have accounts.
        nothing_since: the operator says that no server ran since the backup: everything is taken as it was.
        any_issuer: whether the backup may be of another issuer.
        actor: who restores, for the audit trail.
    """

    issuer: str
    now: int
    cut_off_until: int
    replaces: bool = False
    nothing_since: bool = False
    any_issuer: bool = False
    actor: str | None = None


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        manifest: of the backup.
        users, clients: how many there are now.
        removed: rows of the database that the backup does not know, and that went, by table.
        left_out: rows of the backup that stay deleted, or whose e-mail address somebody else has now, by table.
    """

    manifest: Manifest
    users: int
    clients: int
    removed: dict[str, int]
    left_out: dict[str, int]


def restore_backup(
    url: str, path: Path, key: BackupKey, how: Restoring, open_key: OpenKey, *, enrol: Enrol | None = None
) -> Restored:
    """Write a backup into the database that `url` names, which is made when it is not there.

    `enrol` is as for `migrations.upgrade`.

    Raises:
        BackupError: it is not believed, it is of another issuer or schema, or the database has accounts.
        SealError: with `nothing_since`, another secret sealed the backup's signing keys.
        Unavailable: the database does not answer.
    """
    _check_manifest(check_backup(path, key)[0], how)  # to the last byte, before anything is touched
    upgrade(url, enrol=enrol)
    restored: list[Restored] = []

    def run(connection: sa.Connection) -> None:
        lock(connection)
        _check_room(connection, how)
        restored.append((_move if how.nothing_since else _merge)(connection, path, key, how, open_key))

    backend(url).change_schema(url, run)
    return restored[0]


def _check_manifest(manifest: Manifest, how: Restoring) -> None:
    if manifest.revision != HEAD or manifest.columns != columns():
        raise BackupError(
            f"the backup has the schema {manifest.revision} of jotary {manifest.jotary}, and this version has {HEAD}",
            hint="Restore it with that version, then start this one on the database, which upgrades it.",
        )
    if manifest.issuer != how.issuer and not how.any_issuer:
        raise BackupError(
            f"the backup is of the issuer {manifest.issuer}, and the settings say {how.issuer}",
            hint="Set the issuer that it is of; or add --any-issuer, where clients and APIs will know another one.",
        )


def _check_room(connection: sa.Connection, how: Restoring) -> None:
    occupied = any(connection.execute(sa.select(table.c.id).limit(1)).first() for table in (users, clients))
    if occupied and not how.replaces:
        raise BackupError(
            "the database has accounts or clients",
            hint="Name an empty database; or add --replace, which goes back to the backup where that is safe.",
        )


def _merge(connection: sa.Connection, path: Path, key: BackupKey, how: Restoring, _open_key: OpenKey) -> Restored:
    merging = Merging(connection, now=how.now, cut_off_until=how.cut_off_until)
    with open_backup(path, key) as reading:
        names = reading.manifest.columns
        for batch in reading.batches():
            merging.learn(batch, names[batch.table])
    merging.begin(reading.manifest.made_at)
    with open_backup(path, key) as reading:
        for batch in reading.batches():
            merging.bring(batch, names[batch.table])
    merging.end()
    return _finish(connection, reading.manifest, how, removed=merging.removed, left_out=merging.left_out)


def _move(connection: sa.Connection, path: Path, key: BackupKey, how: Restoring, open_key: OpenKey) -> Restored:
    """Everything as it was. An empty database may have been started on: what it made for itself goes."""
    for table in reversed(metadata.sorted_tables):
        connection.execute(table.delete())
    with open_backup(path, key) as reading:
        for batch in reading.batches():
            table = metadata.tables[batch.table]
            rows = [dict(zip(reading.manifest.columns[batch.table], row, strict=True)) for row in batch.rows]
            if table is signing_keys:
                for row in rows:
                    _check_key(row["sealed_private_key"], row["id"], open_key)
            connection.execute(table.insert(), rows)
    floor = {revocations.name: how.now * 1000}  # entries that were purged had positions, too
    for feed in _FEEDS:
        continue_behind(connection, feed, max(last_position(connection, feed), floor.get(feed.name, 0)))
    return _finish(connection, reading.manifest, how, removed={}, left_out={})


def _check_key(sealed: bytes, kid: str, open_key: OpenKey) -> None:
    if sealed:  # a retired key has no private part any more
        open_key(sealed, kid)


def _finish(
    connection: sa.Connection, manifest: Manifest, how: Restoring, *, removed: dict[str, int], left_out: dict[str, int]
) -> Restored:
    """Note in the trail what was done."""
    detail = {
        "made_at": manifest.made_at,
        "nothing_since": how.nothing_since,
        "replaced": how.replaces,
        "removed": removed,
        "left_out": left_out,
    }
    values = EVENTS.values(Event(kind="database.restored", at=how.now, actor=how.actor, detail=detail))
    connection.execute(events.insert(), {name: value for name, value in values.items() if name != "position"})
    counts = [connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (users, clients)]
    return Restored(manifest=manifest, users=counts[0], clients=counts[1], removed=removed, left_out=left_out)
