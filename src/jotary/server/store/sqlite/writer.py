"""Whoever writes shares a transaction with all who wait at the same time, and is answered after its one fsync.

An fsync costs far more than a statement, so sixty-four callers share one. It waits in a thread; the statements run on
the event loop. Run in the thread, each of them would ask the loop for the interpreter's lock twice, which under load
cost three times as much as the statements themselves (docs/decisions/0002).
"""

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from jotary.server.ports import Unavailable
from jotary.server.store.driver import Step, TellCommit
from jotary.server.store.sqlite.unit import Outcome, run_unit

GROUP_LIMIT: Final = 64
QUEUE_LIMIT: Final = 4096
CHECKPOINT_AFTER: Final = 4000  # changed rows: 16 MB of log at most
IDLE_SECONDS: Final = 1.0  # without a write, after which the log is folded in whatever its size
LOG_LIMIT: Final = 16384  # pages

_Answer = TypeVar("_Answer")


class _Job(NamedTuple):
    unit: Sequence[Step]
    answer: asyncio.Future[int]


class Writer:
    """A task that forms the groups, a thread for what waits on the disk or on a lock, and the connection of both.

    A second thread folds the log in while the first goes on.

    One event loop at a time uses a writer; all that it does begins with the first write.

    Args:
        connect: opens the connection.
        patience: seconds that another process may keep the database locked.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._jobs: deque[_Job] = deque()
        self._news = asyncio.Event()  # a job came, or the end
        self._closing = False
        self.tell_commit: TellCommit | None = None
        self._connection: sqlite3.Connection | None = None
        self._is_synced = True  # whether a commit waits for the disk
        self._checkpointed = 0  # `total_changes` at the last checkpoint
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "jotary-writer")
        self._folder = ThreadPoolExecutor(1, "jotary-folder")
        self._folding: asyncio.Future[None] | None = None  # what that thread does

    async def write(self, unit: Sequence[Step]) -> int:
        """Run a unit durably. Returns how many rows it touched; raises as `driver.Driver.write`."""
        if self._closing:
            raise Unavailable("the store is closed")
        if len(self._jobs) >= QUEUE_LIMIT:
            raise Unavailable("too many writes are waiting")
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done():
            self._news = asyncio.Event()
            self._task = loop.create_task(self._run(), name="jotary-writer")
        job = _Job(unit, loop.create_future())
        self._jobs.append(job)
        self._news.set()
        return await job.answer

    @property
    def waiting(self) -> int:
        """Units that wait."""
        return len(self._jobs)

    async def close(self) -> None:
        """Write what waits, and end the thread."""
        self._closing = True
        self._news.set()
        if self._task is not None:
            await self._task
        await asyncio.to_thread(self._folder.shutdown)
        await asyncio.to_thread(self._thread.shutdown)

    async def _run(self) -> None:
        self._folding = None
        try:
            await self._in_thread(self._drop_connection)  # that of an event loop that ended in the middle
            while (group := await self._take()) is not None:
                _answer(group, await self._commit(group))
                with contextlib.suppress(Exception):  # no thread to be had, say: the log stays, the next time takes it
                    await self._fold(is_idle=not group)
        except Exception as error:  # noqa: BLE001 -- no thread to be had for the first: nobody may wait for ever
            waiting = [self._jobs.popleft() for _ in range(len(self._jobs))]
            _answer(waiting, [_unavailable(error) for _ in waiting])
        finally:
            with contextlib.suppress(RuntimeError):  # no thread: nothing was opened
                self._thread.submit(self._drop_connection)

    async def _take(self) -> list[_Job] | None:
        """Wait for a unit, then take all that wait with it. Empty: nothing came for a while; None: nothing will."""
        if not self._jobs and not self._closing:
            self._news.clear()
            try:
                async with asyncio.timeout(IDLE_SECONDS if self._unfolded() else None):
                    await self._news.wait()
            except TimeoutError:
                return []
        if not self._jobs:
            return None
        taken = [self._jobs.popleft() for _ in range(min(GROUP_LIMIT, len(self._jobs)))]
        return [job for job in taken if not job.answer.done()]  # cancelled, otherwise

    async def _commit(self, group: list[_Job]) -> list[Outcome]:
        """Run a group in one transaction. Whatever fails, the task lives on with a fresh connection."""
        if not group:
            return []
        begun = asyncio.get_running_loop().time()
        try:
            connection = await self._begin(is_synced=not all(_may_lag(job.unit) for job in group))
            if not self._is_synced:  # there is nothing to wait for
                outcomes = _commit_group(connection, group)
            elif all(_is_short(job.unit) for job in group):
                outcomes = _run_group(connection, group)
                await self._in_thread(lambda: connection.execute("COMMIT"))
            else:
                outcomes = await self._in_thread(lambda: _commit_group(connection, group))
        except Exception as error:  # noqa: BLE001 -- a writer that dies would leave every caller waiting for ever
            await self._in_thread(self._drop_connection)
            return [_unavailable(error) for _ in group]  # one each: it gathers a traceback in every task
        if self.tell_commit is not None:
            self.tell_commit(len(group), asyncio.get_running_loop().time() - begun)
        return outcomes

    async def _begin(self, *, is_synced: bool) -> sqlite3.Connection:
        """Begin a transaction: at once if nobody else writes, else in the thread, which may wait.

        One that is not synced is in the log before all that come later, and one fsync makes all of the log last.
        """
        if self._connection is not None:
            if is_synced != self._is_synced:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
                self._is_synced = is_synced
            with contextlib.suppress(sqlite3.OperationalError):  # busy; anything else meets the thread, too
                self._connection.execute("BEGIN IMMEDIATE")
                return self._connection
        return await self._in_thread(self._begin_patiently)

    def _begin_patiently(self) -> sqlite3.Connection:
        connection = self._connection or self._open()
        connection.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA busy_timeout = 0")  # the event loop never waits
        return connection

    def _open(self) -> sqlite3.Connection:
        self._connection = self._connect()
        self._is_synced = True
        self._checkpointed = 0
        return self._connection

    async def _in_thread(self, work: Callable[[], _Answer]) -> _Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _drop_connection(self) -> None:
        """In the thread, so behind what it does just now. Closing rolls back what is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _unfolded(self) -> int:
        """How many rows were changed since the last checkpoint."""
        return 0 if self._connection is None else self._connection.total_changes - self._checkpointed

    async def _fold(self, *, is_idle: bool) -> None:
        """Fold in a long log beside the commits, then what they have added meanwhile, which is little, without them.

        Beside them alone it would never be at rest, and so never start over; without them alone, they would wait for
        every page of it (docs/decisions/0018). A slow disk must not let it grow: one twice as long is waited for.
        """
        unfolded = self._unfolded()
        if self._folding is not None:
            if not self._folding.done() and unfolded < 2 * CHECKPOINT_AFTER:
                return
            folding, self._folding = self._folding, None
            await folding
        elif not is_idle:
            if unfolded >= CHECKPOINT_AFTER:
                self._folding = asyncio.get_running_loop().run_in_executor(self._folder, self._checkpoint_beside)
            return
        await self._in_thread(self._checkpoint)

    def _checkpoint_beside(self) -> None:
        """In the folder's thread, over a connection of its own."""
        with contextlib.suppress(sqlite3.Error, OSError), contextlib.closing(self._connect()) as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _checkpoint(self) -> None:
        """Move the log into the database file, in the thread. Callers have their answers already.

        Meanwhile this process writes nothing, so that the log starts over with the next commit, unless another
        process goes on writing: then, before the log grows without end, hold that one off for a moment (RESTART).
        """
        connection = self._connection
        if connection is None:
            return
        self._checkpointed = connection.total_changes
        with contextlib.suppress(sqlite3.Error):  # the log stays, the next checkpoint takes it
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > LOG_LIMIT:
                connection.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
                connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
                connection.execute("PRAGMA busy_timeout = 0")


def _unavailable(error: Exception) -> Unavailable:
    unavailable = Unavailable(f"the database did not take the write: {error}")
    unavailable.__cause__ = error
    return unavailable


def _may_lag(unit: Sequence[Step]) -> bool:
    return all(step.statement.may_lag for step in unit)


def _is_short(unit: Sequence[Step]) -> bool:
    """Whether it may run on the event loop: one statement of a flow, no sweep of the store's housekeeping."""
    return len(unit) == 1 and unit[0].change is not None


def _commit_group(connection: sqlite3.Connection, group: list[_Job]) -> list[Outcome]:
    outcomes = _run_group(connection, group)
    connection.execute("COMMIT")
    return outcomes


def _run_group(connection: sqlite3.Connection, group: list[_Job]) -> list[Outcome]:
    return [run_unit(connection, job.unit) for job in group]


def _answer(group: list[_Job], outcomes: list[Outcome]) -> None:
    for (_, answer), outcome in zip(group, outcomes, strict=True):
        if answer.done():  # its caller was cancelled
            continue
        if isinstance(outcome, Exception):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
