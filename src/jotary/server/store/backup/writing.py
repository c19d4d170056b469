"""Taking a backup beside a running server: one snapshot, streamed to a file that appears whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jotary.server.settings.durable import sync_folder
from jotary.server.store.backends import backend
from jotary.server.store.backup.envelope import seal
from jotary.server.store.backup.error import BackupError
from jotary.server.store.backup.key import BackupKey
from jotary.server.store.backup.reading import check_backup
from jotary.server.store.backup.records import Batch, Contents, Manifest, Record, encode
from jotary.server.store.migrations import HEAD, current
from jotary.server.store.schema import metadata

#: Rows that are in memory at once.
BATCH: Final = 500


def columns() -> dict[str, tuple[str, ...]]:
    """Of every table, owners before what they own."""
    return {str(table.name): tuple(map(str, table.c.keys())) for table in metadata.sorted_tables}


def check_room(url: str, path: Path) -> None:
    """Refuse what can be refused before there is a key.

    Raises:
        BackupError: the file is there already, or its folder is not, or the schema is not the one of this version.
        Unavailable: the database does not answer.
    """
    if path.exists():  # asked before the work; `_name` makes sure
        raise _is_there(path)
    if not path.parent.is_dir():
        raise BackupError(f"{path}: its folder is not there", hint="Make it, or name another file.")
    if current(url) != HEAD:
        raise BackupError(
            "the database has no schema of this version of jotary", hint="Start this version of the server once."
        )


def write_backup(
    url: str, path: Path, key: BackupKey, *, issuer: str, version: str, now: int, salt: bytes
) -> tuple[Manifest, Contents]:
    """Write everything that the database holds at this moment to a new file, and read it back.

    Args:
        url: of the database; servers may be running on it.
        path: the backup, which must not be there yet.
        key: what seals it.
        issuer: of the server.
        version: of jotary.
        now: Unix seconds.
        salt: `envelope.SALT_SIZE` random bytes.

    Returns:
        What the backup says of itself, read back from the disk.

    Raises:
        BackupError: the file is there already or cannot be written, or the schema is not the one of this version.
        Unavailable: the database does not answer.
    """
    check_room(url, path)
    manifest = Manifest(jotary=version, revision=HEAD, issuer=issuer, made_at=now, columns=columns())
    draft = path.with_name(f".{path.name}.{salt.hex()[:16]}")
    try:
        _write(url, draft, key, manifest, salt)
        checked = check_backup(draft, key)
        _name(draft, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise _is_there(path) from None
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}", hint="Name another file.") from None
    finally:
        draft.unlink(missing_ok=True)
    return checked


def _is_there(path: Path) -> BackupError:
    return BackupError(f"{path} is there already", hint="Name a new file for every backup.")


def _name(draft: Path, path: Path) -> None:
    """Give the backup its name, unless somebody else took it meanwhile; the draft may stay beside it.

    Raises:
        FileExistsError: somebody did.
    """
    try:
        os.link(draft, path)
    except (
        OSError
    ):  # it is taken, which shows once more, or there are no links here (FAT): take it, then rename over it
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        draft.replace(path)


def _write(url: str, draft: Path, key: BackupKey, manifest: Manifest, salt: bytes) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:

        def write(connection: sa.Connection) -> None:
            seal(encode(_records(connection, manifest)), file, key, salt)

        backend(url).read_snapshot(url, write)
        file.flush()
        os.fsync(descriptor)


def _records(connection: sa.Connection, manifest: Manifest) -> Iterator[Record]:
    yield manifest
    counts: dict[str, int] = {}
    for table in metadata.sorted_tables:
        name = str(table.name)
        counts[name] = 0
        query = sa.select(table).order_by(*table.primary_key)
        for rows in connection.execution_options(yield_per=BATCH).execute(query).partitions():
            counts[name] += len(rows)
            yield Batch(name, [tuple(row) for row in rows])
    yield Contents(counts=counts)
