"""SQLite, run by the standard library: reads beside the one writer."""

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
from jotary.server.store.driver import DriverFigures, Step, TellCommit
from jotary.server.store.rows import Row
from jotary.server.store.sqlite.file import FAILURES, connect, path_of
from jotary.server.store.sqlite.place import Place
from jotary.server.store.sqlite.writer import Writer

READERS: Final = 2
BUSY_SECONDS: Final = 5.0


class SQLiteDriver:
    """One database file. Several processes may have it open at once; one event loop at a time uses a driver."""

    dialect: sa.Dialect

    def __init__(self, path: str, *, busy_timeout: float = BUSY_SECONDS) -> None:
        self.dialect = sqlite.dialect(paramstyle="qmark")
        self._connect = functools.partial(connect, path, busy_timeout=busy_timeout)
        # A look-up takes less time than handing it to a thread (docs/decisions/0002). It never waits for a lock.
        self._inline = self._connect(read_only=True)  # only to open it, should another process be folding the log in
        self._inline.execute("PRAGMA busy_timeout = 0")
        self._place = Place(path)
        self._local = threading.local()
        self._connections = [self._inline]
        self._readers = ThreadPoolExecutor(READERS, "jotary-reader")
        self._writer = Writer(self._connect, patience=busy_timeout)
        self._closed = False

    async def look_up(self, query: Statement, parameters: tuple[object, ...]) -> Row | None:
        """The row that a unique key finds, read on the event loop's own thread."""
        self._check_open()
        try:
            rows: Sequence[Row] = self._inline.execute(query.sql, parameters).fetchall()
        except FAILURES:  # locked, for a moment, while another process recovers the log: a reader can wait
            rows = await self.scan(query, parameters)
        return rows[0] if rows else None

    async def scan(self, query: Statement, parameters: tuple[object, ...]) -> Sequence[Row]:
        """All rows, read in the reader pool."""
        self._check_open()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, query.sql, parameters)

    def _read(self, sql: str, parameters: tuple[object, ...]) -> Sequence[Row]:
        try:
            return self._reader().execute(sql, parameters).fetchall()
        except FAILURES as error:
            raise Unavailable(f"the database did not answer: {error}") from error

    def _reader(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(read_only=True)
            self._connections.append(connection)
        return connection

    async def write(self, unit: Sequence[Step]) -> int:
        """Run a unit with all others that wait."""
        self._place.check()
        return await self._writer.write(unit)

    async def time(self) -> None:
        """All who have the file open are on this machine."""

    def figures(self) -> DriverFigures:
        """The units that wait for the writer."""
        return DriverFigures(waiting=self._writer.waiting)

    def tell_commits(self, tell: TellCommit) -> None:
        """Tell of every group."""
        self._writer.tell_commit = tell

    async def close(self) -> None:
        """Finish what was accepted, checkpoint, and end the threads."""
        self._closed = True
        await asyncio.to_thread(self._close_readers)
        await self._writer.close()  # last: closing the last connection folds the log into the file

    def _close_readers(self) -> None:
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")


async def open_driver(url: str, *, connections: int) -> SQLiteDriver:  # noqa: ARG001 -- a file has as many as it needs
    """Open the file that the URL names; its schema must be there.

    Raises:
        Unavailable: the file cannot be opened.
    """
    path = path_of(url)
    try:
        return await asyncio.to_thread(SQLiteDriver, path)
    except FAILURES as error:
        raise Unavailable(f"cannot open the database {path}: {error}") from error
