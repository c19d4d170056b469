"""One thread writes for all: it takes every unit that waits, commits them together, and answers after the fsync.

An fsync costs far more than a statement, so sixty-four callers share one.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from jotary.server.ports import Conflict, Unavailable
from jotary.server.store.driver import Step

GROUP_LIMIT: Final = 64
QUEUE_LIMIT: Final = 4096
CHECKPOINT_AFTER: Final = 4000  # changed rows
IDLE_SECONDS: Final = 1.0

_Outcome = int | Exception
# The rows that a unit stands on are not what its flow saw: somebody else was first.
_RACES: Final = {
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_ROWID",
    "SQLITE_CONSTRAINT_FOREIGNKEY",
}


class _Job(NamedTuple):
    unit: Sequence[Step]
    answer: asyncio.Future[int]
    loop: asyncio.AbstractEventLoop


class Writer:
    """The thread, its queue and its connection."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # None: the last entry, stop behind it
        self._closing = False
        self._connection: sqlite3.Connection | None = None
        self._checkpointed = 0  # `total_changes` at the last checkpoint
        self._thread = threading.Thread(target=self._run, name="jotary-writer", daemon=True)
        self._thread.start()

    async def write(self, unit: Sequence[Step]) -> int:
        """Run a unit durably. Returns how many rows it touched; raises as `driver.Driver.write`."""
        if self._closing:
            raise Unavailable("the store is closed")
        if self._queue.qsize() >= QUEUE_LIMIT:
            raise Unavailable("too many writes are waiting")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        self._queue.put(_Job(unit, answer, loop))
        return await answer

    def close(self) -> None:
        """Write what waits, checkpoint, and end the thread. Blocks."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (group := self._take()) is not None:
            _answer(group, self._commit(group))
            self._checkpoint_if(CHECKPOINT_AFTER)
        self._checkpoint_if(1)
        self._drop_connection()

    def _take(self) -> list[_Job] | None:
        """Wait for a unit, then take all that wait with it."""
        group: list[_Job] = []
        try:
            job = self._queue.get(timeout=IDLE_SECONDS)
            while job is not None:
                if not job.answer.cancelled():
                    group.append(job)
                if len(group) == GROUP_LIMIT:
                    return group
                job = self._queue.get_nowait()
        except queue.Empty:
            if not group:
                self._checkpoint_if(1)
            return group
        if not group:
            return None
        self._queue.put(None)
        return group

    def _commit(self, group: list[_Job]) -> list[_Outcome]:
        """Run a group in one transaction. Whatever fails, the thread lives on with a fresh connection."""
        if not group:
            return []
        try:
            connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [_run_unit(connection, job.unit) for job in group]
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- a writer that dies would leave every caller waiting for ever
            self._drop_connection()
            return [_unavailable(error)] * len(group)
        return outcomes

    def _open(self) -> sqlite3.Connection:
        self._connection = self._connect()
        self._checkpointed = 0
        return self._connection

    def _drop_connection(self) -> None:
        """Closing rolls back what is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _checkpoint_if(self, changed_rows: int) -> None:
        """Move the log into the database file when at least so many rows changed since the last time."""
        connection = self._connection
        if connection is None or connection.total_changes - self._checkpointed < changed_rows:
            return
        self._checkpointed = connection.total_changes
        with contextlib.suppress(sqlite3.Error):  # the log stays, the next checkpoint takes it
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _unavailable(error: Exception) -> Unavailable:
    unavailable = Unavailable(f"the database did not take the write: {error}")
    unavailable.__cause__ = error
    return unavailable


def _run_unit(connection: sqlite3.Connection, unit: Sequence[Step]) -> _Outcome:
    """Run one unit in the group's transaction; when it fails by itself, undo it alone.

    One statement undoes itself when it fails, so it needs no savepoint.

    Raises:
        sqlite3.OperationalError: the database fails; the whole group with it.
    """
    if len(unit) == 1:
        return _attempt(connection, unit)
    connection.execute("SAVEPOINT unit")
    outcome = _attempt(connection, unit)
    if isinstance(outcome, Exception):
        connection.execute("ROLLBACK TO unit")
    connection.execute("RELEASE unit")
    return outcome


def _attempt(connection: sqlite3.Connection, unit: Sequence[Step]) -> _Outcome:
    touched = 0
    for step in unit:
        try:
            count = connection.execute(step.statement.sql, step.parameters).rowcount
        except sqlite3.IntegrityError as error:
            if step.change is not None and error.sqlite_errorname in _RACES:
                return Conflict(step.change)
            return error
        if count == 0 and step.statement.guarded and step.change is not None:
            return Conflict(step.change)
        touched += max(count, 0)
    return touched


def _answer(group: list[_Job], outcomes: list[_Outcome]) -> None:
    """Wake each event loop once for all its answers."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], _Outcome]]] = {}
    for job, outcome in zip(group, outcomes, strict=True):
        by_loop.setdefault(job.loop, []).append((job.answer, outcome))
    for loop, answers in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, answers)


def _resolve(answers: list[tuple[asyncio.Future[int], _Outcome]]) -> None:
    for answer, outcome in answers:
        if answer.done():  # its caller was cancelled
            continue
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
