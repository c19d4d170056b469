"""A SQLite database file: where it is, how it is made, how it is opened."""

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jotary.server.store.sqlite.file import connect, path_of, prepare


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database file in WAL mode, under a name that a URI would cut."""
    path = tmp_path / "a b%20?c#d.db"
    prepare(str(path))
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection for writing."""
    with contextlib.closing(connect(str(path), busy_timeout=0.25)) as connection:
        yield connection


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///jotary.db", "jotary.db"), ("sqlite:////var/lib/a b.db", "/var/lib/a b.db"), ("sqlite:///a/b", "a/b")],
)
def test_a_url_names_a_file(url: str, path: str) -> None:
    """Three slashes for a relative path, four for an absolute one."""
    assert path_of(url) == path


@pytest.mark.parametrize(
    "url",
    [
        *("sqlite://", "sqlite:///", "sqlite:x", "sqlite://a/b.db"),
        *("sqlite:///:memory:", "sqlite:///file:a.db", "sqlite:///a?x=1"),
    ],
)
def test_a_url_that_names_no_file_is_refused(url: str) -> None:
    """Each process would have a memory of its own; an option would be dropped silently."""
    with pytest.raises(ValueError, match="write sqlite:///path"):
        path_of(url)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_only_the_owner_reads_a_new_database(path: Path, connection: sqlite3.Connection) -> None:
    """It holds password hashes and sealed keys; so do its log and its index."""
    connection.execute("CREATE TABLE t (x)")
    modes = {entry.name.removeprefix(path.name): stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}
    assert modes == {"": 0o600, "-wal": 0o600, "-shm": 0o600}


def test_a_database_that_is_there_is_left_as_it_is(path: Path) -> None:
    """Preparing twice changes nothing, the mode that an operator gave included."""
    path.chmod(0o640)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
    prepare(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM t").fetchall() == []


def test_a_database_that_another_process_is_writing_is_waited_for(tmp_path: Path) -> None:
    """Before it is in WAL mode (restored from a dump, say): SQLite itself gives up at once."""
    path = tmp_path / "jotary.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.1, other.execute, ["COMMIT"])
        release.start()
        prepare(str(path))
        release.join()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),  # FULL: the log is synced at every commit
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("wal_autocheckpoint", 0),
        ("secure_delete", 2),  # FAST
        ("busy_timeout", 250),
        ("query_only", 0),
    ],
)
def test_a_connection_is_durable_and_strict(connection: sqlite3.Connection, pragma: str, value: object) -> None:
    """Design §5: WAL with `synchronous=FULL`."""
    assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_a_reader_cannot_write(path: Path) -> None:
    """There is one way to write."""
    reader = connect(str(path), busy_timeout=0, read_only=True)
    with contextlib.closing(reader), pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("CREATE TABLE t (x)")


def test_a_file_that_was_removed_does_not_come_back_empty(path: Path) -> None:
    """A server that reconnects to an empty database would let everybody sign up as anybody."""
    path.unlink()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        connect(str(path), busy_timeout=0)
    assert not path.exists()
