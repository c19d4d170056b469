"""SQLite, run by the standard library's driver: reads beside the one writer thread, in WAL mode."""

import asyncio
import functools
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from jotary.server.ports import Unavailable
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Step
from jotary.server.store.rows import Row
from jotary.server.store.sqlite_file import connect, path_of
from jotary.server.store.sqlite_writer import Writer

READERS: Final = 2
BUSY_SECONDS: Final = 5.0


class SQLiteDriver:
    """One database file. Several processes may have it open at once."""

    dialect: sa.Dialect

    def __init__(self, path: str, *, busy_timeout: float = BUSY_SECONDS) -> None:
        self.dialect = sqlite.dialect(paramstyle="qmark")
        self._connect = functools.partial(connect, path, busy_timeout=busy_timeout)
        # A point look-up takes microseconds, less than handing it to a thread (docs/decisions/0002).
        self._inline = connect(path, busy_timeout=0, read_only=True)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = [self._inline]
        self._readers = ThreadPoolExecutor(READERS, "jotary-reader", initializer=self._open_reader)
        self._writer = Writer(self._connect)
        self._closed = False

    @classmethod
    async def open(cls, url: str) -> "SQLiteDriver":
        """Open the file that the URL names; the schema must be there."""
        return await asyncio.to_thread(cls, path_of(url))

    def _open_reader(self) -> None:
        self._local.connection = self._connect(read_only=True)
        self._connections.append(self._local.connection)

    async def look_up(self, query: Statement, parameters: tuple[object, ...]) -> Row | None:
        """The row that a unique key finds, read on the event loop's own thread."""
        self._check_open()
        try:
            rows = self._inline.execute(query.sql, parameters).fetchall()
        except sqlite3.OperationalError:  # locked, for a moment, while another process recovers the log
            rows = list(await self.scan(query, parameters))
        return rows[0] if rows else None

    async def scan(self, query: Statement, parameters: tuple[object, ...]) -> Sequence[Row]:
        """All rows, read in the reader pool."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query.sql, parameters)

    def _read(self, sql: str, parameters: tuple[object, ...]) -> Sequence[Row]:
        connection: sqlite3.Connection = self._local.connection
        try:
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise Unavailable(f"the database did not answer: {error}") from error

    async def write(self, unit: Sequence[Step]) -> int:
        """Run a unit in the writer thread."""
        return await self._writer.write(unit)

    async def close(self) -> None:
        """Finish what was accepted, checkpoint, and end the threads."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()
        self._writer.close()  # last: closing the last connection folds the log into the file

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")
