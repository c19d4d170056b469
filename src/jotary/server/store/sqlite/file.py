"""A SQLite database file: where it is, how it is made, how it is opened."""

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from jotary.server.settings.durable import sync_folder

_PRAGMAS: Final = (
    "foreign_keys = ON",
    "trusted_schema = OFF",  # a doctored file must not run functions through its schema
    "synchronous = FULL",  # an acknowledged commit survives power loss
    "fullfsync = ON",  # the same on macOS, where fsync alone does not reach the disk
    "checkpoint_fullfsync = ON",
    "wal_autocheckpoint = 0",  # never on a commit's path; see `writer.py`
    "secure_delete = FAST",  # what was deleted is overwritten where that costs no further page
    "journal_size_limit = 67108864",  # bytes: a log that a burst has blown up shrinks again
)
#: What SQLite says of a file. Where the file is damaged, its words quote what stands there, which may be no text.
FAILURES: Final = (sqlite3.Error, UnicodeDecodeError)

_WAL_ATTEMPTS: Final = 250
_WAL_PAUSE: Final = 0.02  # seconds


def path_of(url: str) -> str:
    """The file that `sqlite:///relative/path` or `sqlite:////absolute/path` names.

    Raises:
        ValueError: the URL names no file.
    """
    advice = f"{url!r} names no database file: write sqlite:///path/to/file.db (four slashes for an absolute path)"
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(advice) from error
    path = parsed.database
    if not path or path.startswith((":memory:", "file:")) or parsed.host or parsed.query:
        raise ValueError(advice)
    return path


def prepare(path: str) -> None:
    """Make the file, readable by its owner alone, unless it is there; and put it in WAL mode, which it keeps.

    SQLite gives the `-wal` and `-shm` files the mode of the database file.

    Raises:
        sqlite3.Error: the file is no database, or stays locked.
        OSError: the file cannot be made, or its file system cannot do WAL.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    else:
        sync_folder(Path(path).resolve().parent)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        _enter_wal(connection)


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Several processes may start at once, and for this lock SQLite's busy handler does not wait."""
    for attempt in range(_WAL_ATTEMPTS):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _WAL_ATTEMPTS - 1:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            if mode != "wal":
                raise OSError("its file system does not support shared memory, which SQLite's WAL mode needs")
            return


def connect(path: str, *, busy_timeout: float, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection in which transactions are begun by hand; `busy_timeout` in seconds.

    It may be closed from another thread than the one that uses it. The file must be there: one that was removed
    under a running server must not come back empty.

    Raises:
        sqlite3.Error: the file cannot be opened.
    """
    connection = sqlite3.connect(
        f"{Path(path).absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        cached_statements=256,
        check_same_thread=False,
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
