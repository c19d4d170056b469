"""What the migrations need of a SQLite file."""

import contextlib
import shlex
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jotary.server.ports import Unavailable
from jotary.server.store.sqlite.file import FAILURES, path_of, prepare

_LOCK_SECONDS: Final = 30
_PRIMARY_CODE: Final = 0xFF  # of an extended result code
_READ_ONLY: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}  # SQLite writes beside the file even to read it
_DAMAGED: Final = (
    "Stop every server, move the file away with its -wal and -shm, see what became of the disk, and restore a backup: "
    "jotary restore"
)
_ANOTHER: Final = "name another file in the setting database."


def revision(url: str) -> str | None:
    """The revision that Alembic noted in the file; None when it is empty or not there.

    Raises:
        Unavailable: the file cannot be read as a database.
    """
    path = path_of(url)
    if not Path(path).is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_LOCK_SECONDS)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except FAILURES as error:
        raise _unavailable(path, error) from error
    return None if row is None else str(row[0])


def change_schema(url: str, run: Callable[[sa.Connection], None]) -> None:
    """Make the file when it is not there, then run `run` in one transaction that nobody else can write beside.

    Raises:
        Unavailable: the file cannot be made, is no database, or stays locked by another process.
    """
    path = path_of(url)
    try:
        prepare(path)
        with _engine(path).begin() as connection:
            run(connection)
    except (OSError, *FAILURES, sa.exc.DBAPIError) as error:
        raise _unavailable(path, error) from error


def _engine(path: str) -> sa.Engine:
    url = sa.URL.create("sqlite", database=path)
    wait = {"timeout": _LOCK_SECONDS}
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=wait, hide_parameters=True)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # by itself the driver begins at the first row, not at DDL

    return engine


def _unavailable(path: str, error: Exception) -> Unavailable:
    what, folder = f"cannot open the database {path}", Path(path).parent
    if isinstance(error, FileNotFoundError):
        hint = f"Make it with: mkdir -p {shlex.quote(str(folder))}; or {_ANOTHER}"
        return Unavailable(f"{what}: its folder is not there", hint=hint)
    writable = f"See that {folder} is a folder that this user may write to, or {_ANOTHER}"
    if isinstance(error, OSError) and error.strerror is not None:
        return Unavailable(f"{what}: {error.strerror}", hint=writable)
    if Path(path).is_dir():
        return Unavailable(f"{what}: it is a folder", hint=f"Add a name to it, or {_ANOTHER}")
    error = getattr(error, "orig", error)  # without what SQLAlchemy says about itself
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code == sqlite3.SQLITE_NOTADB:
        return Unavailable(f"{what}: it is a file of something else", hint=f"See what it is, or {_ANOTHER}")
    if code == sqlite3.SQLITE_CORRUPT or isinstance(error, UnicodeDecodeError):
        return Unavailable(f"{what}: it is damaged", hint=_DAMAGED)
    return Unavailable(f"{what}: {error}", hint=writable if code in _READ_ONLY else None)
