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
CHECKPOINT_AFTER: Final = 4000  # changed rows: 16 MB of log and 20 ms of work at most
IDLE_SECONDS: Final = 1.0  # without a write, after which the log is folded in whatever its size
LOG_LIMIT: Final = 16384  # pages

_Outcome = int | Exception
# The unit itself is at fault, not the database: its neighbours in the group are not touched.
_OWN_FAULTS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
# The rows that a unit stands on are not what its flow saw: somebody else was first.
_RACES: Final = {
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
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
        self._door = threading.Lock()  # nothing may be queued behind the last entry
        self._connection: sqlite3.Connection | None = None
        self._checkpointed = 0  # `total_changes` at the last checkpoint
        self._thread = threading.Thread(target=self._run, name="jotary-writer", daemon=True)
        self._thread.start()

    async def write(self, unit: Sequence[Step]) -> int:
        """Run a unit durably. Returns how many rows it touched; raises as `driver.Driver.write`."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        with self._door:
            if self._closing:
                raise Unavailable("the store is closed")
            if self._queue.qsize() >= QUEUE_LIMIT:
                raise Unavailable("too many writes are waiting")
            self._queue.put(_Job(unit, answer, loop))
        return await answer

    def close(self) -> None:
        """Write what waits, checkpoint, and end the thread. Blocks."""
        with self._door:
            if not self._closing:
                self._closing = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (group := self._take()) is not None:
            _answer(group, self._commit(group))
            if self._unfolded() >= (CHECKPOINT_AFTER if group else 1):
                self._checkpoint()
        self._drop_connection()

    def _take(self) -> list[_Job] | None:
        """Wait for a unit, then take all that wait with it. Empty: nothing came for a while; None: nothing will."""
        group: list[_Job] = []
        try:
            job = self._queue.get(timeout=IDLE_SECONDS if self._unfolded() else None)
            while job is not None:
                if not job.answer.cancelled():
                    group.append(job)
                if len(group) == GROUP_LIMIT:
                    return group
                job = self._queue.get_nowait()
        except queue.Empty:
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
            return [_unavailable(error) for _ in group]  # one each: it gathers a traceback in every task
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

    def _unfolded(self) -> int:
        """How many rows were changed since the last checkpoint."""
        return 0 if self._connection is None else self._connection.total_changes - self._checkpointed

    def _checkpoint(self) -> None:
        """Move the log into the database file. Callers have their answers already.

        While this thread is here it writes nothing, so that the log starts over with the next commit, unless another
        process goes on writing: then, before the log grows without end, hold that one off for a moment (RESTART).
        """
        connection = self._connection
        if connection is None:
            return
        self._checkpointed = connection.total_changes
        with contextlib.suppress(sqlite3.Error):  # the log stays, the next checkpoint takes it
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > LOG_LIMIT:
                connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()


def _unavailable(error: Exception) -> Unavailable:
    unavailable = Unavailable(f"the database did not take the write: {error}")
    unavailable.__cause__ = error
    return unavailable


def _run_unit(connection: sqlite3.Connection, unit: Sequence[Step]) -> _Outcome:
    """Run one unit in the group's transaction; when it fails by itself, undo it alone.

    One statement undoes itself when it fails, so it needs no savepoint.

    Raises:
        sqlite3.Error: the database fails, and the whole group with it.
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
        except _OWN_FAULTS as error:
            if step.change is not None and getattr(error, "sqlite_errorname", None) in _RACES:
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
