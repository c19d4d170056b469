"""Opening a SQLite file beside another process that holds it for a moment."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from pathlib import Path

from jotary.server.store.sqlite.driver import SQLiteDriver
from jotary.server.store.sqlite.file import prepare


def hold(path: str, is_held: threading.Event) -> None:
    """Lock the whole file for a moment, as who closes it last or recovers its log does."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("CREATE TABLE held (it INTEGER)")
        is_held.set()
        time.sleep(0.2)


def test_who_opens_a_locked_file_waits(tmp_path: Path) -> None:
    """https://sqlite.org/wal.html §10: a server that starts just then must not end with "database is locked"."""
    path, is_held = str(tmp_path / "users.db"), threading.Event()
    prepare(path)
    holder = threading.Thread(target=hold, args=(path, is_held))
    holder.start()
    is_held.wait()
    driver = SQLiteDriver(path)
    assert driver._inline.execute("PRAGMA busy_timeout").fetchone() == (0,), "the event loop never waits"
    asyncio.run(driver.close())
    holder.join()
