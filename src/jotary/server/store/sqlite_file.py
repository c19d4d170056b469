"""A SQLite database file: where it is, how it is made, how it is opened."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

_PRAGMAS: Final = (
    "foreign_keys = ON",
    "trusted_schema = OFF",  # a doctored file must not run functions through its schema
    "synchronous = FULL",  # an acknowledged commit survives power loss
    "fullfsync = ON",  # the same on macOS, where fsync alone does not reach the disk
    "checkpoint_fullfsync = ON",
    "wal_autocheckpoint = 0",  # never on a commit's path; see `sqlite_writer.py`
)
_WAL_ATTEMPTS: Final = 50


def path_of(url: str) -> str:
    """The file that `sqlite:///relative/path` or `sqlite:////absolute/path` names.

    Raises:
        ValueError: the URL names no file.
    """
    parsed = make_url(url)
    if not parsed.database or parsed.database.startswith((":memory:", "file:")) or parsed.host or parsed.query:
        raise ValueError("write the database as sqlite:///path/to/file.db (four slashes for an absolute path)")
    return parsed.database


def prepare(path: str) -> None:
    """Make the file, readable by its owner alone, unless it is there; and put it in WAL mode, which it keeps.

    SQLite gives the `-wal` and `-shm` files the mode of the database file.

    Raises:
        sqlite3.OperationalError: the file stays locked.
        OSError: the file cannot be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    else:
        _sync_folder(Path(path).resolve().parent)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        _enter_wal(connection)
    finally:
        connection.close()


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive power loss."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Several processes may start at once, and this lock alone is not waited for by SQLite."""
    for attempt in range(_WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(0.02)
        else:
            return


def connect(path: str, *, busy_timeout: float, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection in which transactions are begun by hand; `busy_timeout` in seconds.

    It may be closed from another thread than the one that uses it.
    """
    connection = sqlite3.connect(
        path, timeout=busy_timeout, isolation_level=None, cached_statements=256, check_same_thread=False
    )
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection
