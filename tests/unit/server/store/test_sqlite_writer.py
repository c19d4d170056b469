"""One who writes for all."""

import asyncio
import contextlib
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from jotary.server.model.changes import Change, RotateSession
from jotary.server.ports import Unavailable
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Step
from jotary.server.store.sqlite import writer
from jotary.server.store.sqlite.file import connect
from jotary.server.store.sqlite.writer import Writer

pytestmark = pytest.mark.anyio

SQLITE = sqlite.dialect(paramstyle="qmark")
CHANGE = RotateSession("session", 0, 0, 0)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


@pytest.fixture
async def a_writer(anyio_backend: str, path: str) -> AsyncIterator[Writer]:
    """A writer on the database."""
    a_writer = writer_on(path)
    yield a_writer
    await a_writer.close()


def writer_on(path: str) -> Writer:
    """Another one."""
    return Writer(lambda: connect(path, busy_timeout=5), patience=5)


def insert(*, times: int = 1) -> Sequence[Step]:
    """A unit that adds `times` rows."""
    return [Step(Statement(sa.text("INSERT INTO t VALUES (1)"), SQLITE), (), None)] * times


def count() -> Sequence[Step]:
    """A unit that the disk may have later."""
    return [Step(Statement(sa.text("INSERT INTO t VALUES (2)"), SQLITE, may_lag=True), (), CHANGE)]


class Recorded(sqlite3.Connection):
    """Notes, at each commit, whether it waits for the disk."""

    synchronous: ClassVar[list[int]] = []

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> sqlite3.Cursor:  # type: ignore[override]  # as the standard library has it, whose stub says object
        """As it is."""
        if sql == "COMMIT":
            self.synchronous.extend(super().execute("PRAGMA synchronous").fetchone())
        return super().execute(sql, parameters)


def recorded_connection(path: str) -> Recorded:
    """A connection like those of `file.connect`."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Recorded)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def rows(path: str) -> int:
    """How many rows a new connection sees."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])


def log_size(path: str) -> int:
    """Bytes of the log, as long as it ever was."""
    return Path(f"{path}-wal").stat().st_size


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does soon."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- another thread makes it true
            await asyncio.sleep(0.005)


async def test_units_that_wait_share_a_transaction(a_writer: Writer, path: str) -> None:
    """Design §5: group commit. Fifty callers that queue behind one cost one more fsync."""
    await a_writer.write(insert())
    traced: list[str] = []
    assert a_writer._connection is not None
    a_writer._connection.set_trace_callback(traced.append)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.create_task(a_writer.write(insert()))
        await until(lambda: any("busy_timeout = 5000" in statement for statement in traced))
        tasks = [asyncio.create_task(a_writer.write(insert())) for _ in range(50)]
        await asyncio.sleep(0)
        other.execute("COMMIT")
        assert await asyncio.gather(first, *tasks) == [1] * 51
    assert traced.count("COMMIT") == 2
    assert rows(path) == 52


@pytest.mark.parametrize(
    ("change", "times", "runs_here"),
    [(CHANGE, 1, True), (CHANGE, 2, False), (None, 1, False)],
    ids=["one statement of a flow", "several", "housekeeping"],
)
async def test_what_may_take_long_runs_in_the_thread(
    *, a_writer: Writer, change: Change | None, times: int, runs_here: bool
) -> None:
    """docs/decisions/0002: the event loop runs what takes microseconds, and never an fsync."""
    await a_writer.write(insert())
    places: dict[str, bool] = {}
    assert a_writer._connection is not None
    a_writer._connection.set_trace_callback(
        lambda statement: places.update({statement.split()[0]: threading.current_thread() is threading.main_thread()})
    )
    step = insert()[0]._replace(change=change)
    await a_writer.write([step] * times)
    assert places["INSERT"] is runs_here
    assert places["COMMIT"] is False


async def test_one_unit_that_may_take_long_takes_its_group_to_the_thread(a_writer: Writer) -> None:
    """Nobody else's statement holds the event loop up."""
    await a_writer.write(insert())
    on_the_loop: list[bool] = []
    assert a_writer._connection is not None
    a_writer._connection.set_trace_callback(
        lambda _statement: on_the_loop.append(threading.current_thread() is threading.main_thread())
    )
    short = [insert()[0]._replace(change=CHANGE)]
    await asyncio.gather(a_writer.write(short), a_writer.write(insert(times=2)))
    begin, *rest = on_the_loop
    assert begin
    assert not any(rest)


async def test_what_may_lag_asks_no_thread(a_writer: Writer) -> None:
    """docs/decisions/0020: there is no disk to wait for, and handing it over would take longer than all of it."""
    await a_writer.write(count())
    await a_writer.write(count())
    on_the_loop: list[bool] = []
    assert a_writer._connection is not None
    a_writer._connection.set_trace_callback(
        lambda _statement: on_the_loop.append(threading.current_thread() is threading.main_thread())
    )
    await a_writer.write(count())
    assert on_the_loop == [True] * 3  # BEGIN, INSERT, COMMIT


async def test_a_commit_is_told_with_the_seconds_that_it_took(a_writer: Writer) -> None:
    """Of the group, and no longer than its callers waited."""
    told: list[tuple[int, float]] = []
    a_writer.tell_commit = lambda units, seconds: told.append((units, seconds))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.gather(*(a_writer.write(insert()) for _ in range(3)))
    ((units, seconds),) = told
    assert units == 3
    assert 0 < seconds <= loop.time() - begun


async def test_the_event_loop_does_not_wait_for_another_process(a_writer: Writer, path: str) -> None:
    """SQLite has one writer at a time; who waits for it is the thread, and afterwards the loop again does not."""
    await a_writer.write(insert())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(a_writer.write(insert()))
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        assert await waiting == 1
    assert a_writer._connection is not None
    assert a_writer._connection.execute("PRAGMA busy_timeout").fetchone() == (0,)


async def test_a_group_is_bounded(a_writer: Writer, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """So that the first of a crowd does not wait for the last."""
    monkeypatch.setattr(writer, "GROUP_LIMIT", 10)
    await a_writer.write(insert())
    traced: list[str] = []
    assert a_writer._connection is not None
    a_writer._connection.set_trace_callback(traced.append)
    await asyncio.gather(*(a_writer.write(insert()) for _ in range(100)))
    assert traced.count("COMMIT") >= 10
    assert rows(path) == 101


async def test_a_write_says_how_many_rows_it_touched(a_writer: Writer) -> None:
    """The purge counts with it."""
    assert await a_writer.write(insert(times=3)) == 3


@pytest.mark.parametrize(
    ("limits", "units"),
    [({"CHECKPOINT_AFTER": 20, "IDLE_SECONDS": 3600}, 20), ({"IDLE_SECONDS": 0.01}, 1)],
    ids=["a long log", "an idle writer"],
)
async def test_the_log_is_folded_into_the_file(
    *, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, float], units: int
) -> None:
    """The log does not grow for ever, and no commit waits for it to be folded in."""
    for name, value in limits.items():
        monkeypatch.setattr(writer, name, value)
    folding = writer_on(path)

    def in_the_file_alone() -> int:
        return rows(str(shutil.copyfile(path, tmp_path / "copy.db")))

    for _ in range(units):
        await folding.write(insert())
    await until(lambda: in_the_file_alone() == units)
    await folding.close()


async def test_a_log_that_another_process_keeps_long_starts_over(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others write a passive checkpoint never catches up: beyond the limit they are held off for a moment."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 1)
    monkeypatch.setattr(writer, "LOG_LIMIT", 50)
    traced: list[str] = []

    def tracing() -> sqlite3.Connection:
        connection = connect(path, busy_timeout=5)
        connection.set_trace_callback(traced.append)
        return connection

    async def fold() -> None:
        folding = Writer(tracing, patience=5)
        for _ in range(2):  # the second finds the log twice as long as it may be
            await folding.write(insert())
        await folding.close()

    await fold()
    assert "PRAGMA wal_checkpoint(RESTART)" not in traced
    with contextlib.closing(connect(path, busy_timeout=5)) as other:
        for _ in range(60):
            other.execute("INSERT INTO t VALUES (1)")
        await fold()
    assert "PRAGMA wal_checkpoint(RESTART)" in traced


async def test_commits_go_on_while_the_log_is_folded_in(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/decisions/0018: nobody waits for a disk that takes long, unless the log gets twice as long meanwhile."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 10)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 3600)
    slow_disk = threading.Event()

    def slowly() -> sqlite3.Connection:
        if threading.current_thread().name.startswith("jotary-folder"):
            assert slow_disk.wait(30)
        return connect(path, busy_timeout=5)

    folding = Writer(slowly, patience=5)
    for _ in range(20):
        await folding.write(insert())
    waiting = asyncio.create_task(folding.write(insert()))
    await asyncio.sleep(0.1)
    assert (waiting.done(), folding.waiting) == (False, 1)
    slow_disk.set()
    assert await waiting == 1
    await folding.close()


async def test_a_log_starts_over_under_a_load_that_never_rests(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded in beside the commits alone, it would grow for as long as they come (docs/decisions/0002)."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 10)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 3600)
    loaded = writer_on(path)
    for _ in range(300):
        await loaded.write(insert())
    size = log_size(path)
    await loaded.close()
    assert size < 60 * (4096 + 24)  # two pages at most for each of twenty rows, and a few that come between


@pytest.mark.parametrize(
    "failure",
    [sqlite3.OperationalError("unable to open database file"), OSError("no folder")],
    ids=["SQLite", "system"],
)
async def test_a_log_that_cannot_be_folded_in_beside_the_commits_is_folded_in_between(
    path: str, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """Out of file descriptors, say: nobody is told, as nothing is lost, and the writer has a connection."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 1)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 3600)

    def failing() -> sqlite3.Connection:
        if threading.current_thread().name.startswith("jotary-folder"):
            raise failure
        return connect(path, busy_timeout=5)

    folding = Writer(failing, patience=5)
    async with asyncio.timeout(30):
        while folding._checkpointed == 0:
            assert await folding.write(insert()) == 1
    await folding.close()


class Gate:
    """Opens connections, but the first attempt fails, and the second waits: a group of known units stands before it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._attempts = 0
        self.fail, self.reached, self.succeed = threading.Event(), threading.Event(), threading.Event()

    def __call__(self) -> sqlite3.Connection:
        """The next attempt."""
        self._attempts += 1
        if self._attempts == 1:
            assert self.fail.wait(30)
            raise sqlite3.OperationalError("not yet")
        self.reached.set()
        assert self.succeed.wait(30)
        return connect(self._path, busy_timeout=5)

    async def group(self, gated: Writer, write: Callable[[], object]) -> None:
        """Let the writer take all units that `write` queues, as one group."""
        first = asyncio.create_task(gated.write(insert()))
        await until(lambda: bool(self._attempts))
        write()
        await asyncio.sleep(0)
        self.fail.set()
        await until(self.reached.is_set)
        with pytest.raises(Unavailable):
            await first


async def test_a_caller_who_leaves_in_the_middle_keeps_no_answer_from_the_others(path: str) -> None:
    """Cancelled when its unit is in the writer's hands already: written, and nobody minds."""
    gate = Gate(path)
    gated = Writer(gate, patience=5)
    tasks: list[asyncio.Task[int]] = []
    await gate.group(gated, lambda: tasks.extend(asyncio.create_task(gated.write(insert())) for _ in range(3)))
    tasks[0].cancel()
    gate.succeed.set()
    assert await asyncio.gather(*tasks[1:]) == [1, 1]
    assert tasks[0].cancelled()
    assert rows(path) == 3
    await gated.close()


def test_an_event_loop_that_is_gone_does_not_stop_the_writer(path: str) -> None:
    """It ended in the middle of a write; the next one is served, and finds nothing locked."""
    gate = Gate(path)
    gate.fail.set()
    left = Writer(gate, patience=5)

    async def ask_and_leave() -> None:
        with pytest.raises(Unavailable):
            await left.write(insert())
        task = asyncio.create_task(left.write(insert()))
        await until(gate.reached.is_set)
        task.cancel()

    async def ask_again() -> None:
        assert await left.write(insert()) == 1
        await left.close()

    asyncio.run(ask_and_leave())
    gate.succeed.set()
    asyncio.run(ask_again())
    assert rows(path) == 1


async def test_closing_behind_a_waiting_unit_writes_it_first(path: str) -> None:
    """And nothing that comes later."""
    gate = Gate(path)
    gated = Writer(gate, patience=5)
    first = asyncio.create_task(gated.write(insert()))
    await until(lambda: bool(gate._attempts))
    second = asyncio.create_task(gated.write(insert()))
    await asyncio.sleep(0)
    closing = asyncio.create_task(gated.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="closed"):
        await gated.write(insert())
    gate.succeed.set()
    gate.fail.set()
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(first, second, closing, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Unavailable", "int", "NoneType"]
    assert rows(path) == 1


async def test_a_database_that_cannot_be_opened_does_not_stop_the_writer(path: str) -> None:
    """Out of file descriptors, say; the next write tries again."""
    failures = [sqlite3.OperationalError("unable to open database file"), RuntimeError("unforeseen")]

    def open_at_last() -> sqlite3.Connection:
        if failures:
            raise failures.pop()
        return connect(path, busy_timeout=5)

    stubborn = Writer(open_at_last, patience=5)
    outcomes = [(await asyncio.gather(stubborn.write(insert()), return_exceptions=True))[0] for _ in range(3)]
    assert [type(outcome).__name__ for outcome in outcomes] == ["Unavailable", "Unavailable", "int"]
    await stubborn.close()


async def test_what_may_lag_waits_for_the_disk_with_what_comes_behind_it(path: str) -> None:
    """Decision 20: the log is in order, so that one fsync makes all of it last."""
    full, normal, recorded = 2, 1, Recorded.synchronous
    recorded.clear()
    a_writer = Writer(lambda: recorded_connection(path), patience=5)
    await a_writer.write(insert())
    for unit in (count(), count(), insert(), count(), [*count(), *insert()]):
        await a_writer.write(unit)
    waiting = [a_writer.write(unit) for unit in (count(), insert())]
    await asyncio.gather(*waiting)
    await a_writer.close()
    assert recorded == [full, normal, normal, full, normal, full, full]
    assert rows(path) == 9
