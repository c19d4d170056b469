"""The one writer of a SQLite file, where a thread is late or not to be had."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from typing import ClassVar, NoReturn

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from jotary.server.model.changes import RotateSession
from jotary.server.ports import Unavailable
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Step
from jotary.server.store.sqlite import writer
from jotary.server.store.sqlite.file import connect
from jotary.server.store.sqlite.writer import Writer

pytestmark = pytest.mark.anyio

_SQLITE = sqlite.dialect(paramstyle="qmark")
_CHANGE = RotateSession("session", 0, 0, 0)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


def _unit(*, may_lag: bool = False) -> Sequence[Step]:
    return [Step(Statement(sa.text("INSERT INTO t VALUES (1)"), _SQLITE, may_lag=may_lag), (), _CHANGE)]


def _no_thread(*_: object) -> NoReturn:
    raise RuntimeError("can't start new thread")


class Watched(sqlite3.Connection):
    """Notes of each commit whether the event loop waits for the disk with it."""

    blocking: ClassVar[list[bool]] = []

    def execute(self, sql: str, parameters: Sequence[object] = (), /) -> sqlite3.Cursor:  # type: ignore[override]  # as the standard library has it, whose stub says object
        """As it is."""
        if sql == "COMMIT":
            (level,) = super().execute("PRAGMA synchronous").fetchone()
            self.blocking.append(level > 1 and threading.current_thread() is threading.main_thread())
        return super().execute(sql, parameters)


async def test_the_event_loop_never_waits_for_the_disk(path: str) -> None:
    """docs/decisions/0002: not for what may lag either, which a new connection still commits with an fsync."""
    Watched.blocking.clear()

    def watched() -> Watched:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Watched)

    a_writer = Writer(watched, patience=5)
    for _ in range(2):
        await a_writer.write(_unit(may_lag=True))
    await a_writer._in_thread(a_writer._drop_connection)  # as after a failure
    for may_lag in (False, True):
        await a_writer.write(_unit(may_lag=may_lag))
    await a_writer.close()
    assert Watched.blocking == [False] * 4


async def test_writes_go_on_where_no_thread_can_fold_the_log_in(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on tasks was met, say: nothing is lost, and once there is a thread again, it is folded in."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 1)
    a_writer = Writer(lambda: connect(path, busy_timeout=5), patience=5)
    submit = a_writer._folder.submit
    monkeypatch.setattr(a_writer._folder, "submit", _no_thread)
    async with asyncio.timeout(30):
        assert await asyncio.gather(*(a_writer.write(_unit()) for _ in range(200))) == [1] * 200
        monkeypatch.setattr(a_writer._folder, "submit", submit)
        while a_writer._checkpointed == 0:
            await a_writer.write(_unit())
    await a_writer.close()


async def test_a_folder_that_fails_is_asked_again(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 1)
    failures = [RuntimeError("unforeseen")]

    def failing() -> sqlite3.Connection:
        if threading.current_thread().name.startswith("jotary-folder") and failures:
            raise failures.pop()
        return connect(path, busy_timeout=5)

    a_writer = Writer(failing, patience=5)
    async with asyncio.timeout(30):
        while a_writer._checkpointed == 0:
            await a_writer.write(_unit())
    assert not failures
    await a_writer.close()


async def test_nobody_waits_for_a_writer_that_cannot_begin(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and the next write tries again."""
    a_writer = Writer(lambda: connect(path, busy_timeout=5), patience=5)
    submit = a_writer._thread.submit
    monkeypatch.setattr(a_writer._thread, "submit", _no_thread)
    async with asyncio.timeout(30):
        outcomes = await asyncio.gather(*(a_writer.write(_unit()) for _ in range(2)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable, Unavailable]
        monkeypatch.setattr(a_writer._thread, "submit", submit)
        assert await a_writer.write(_unit()) == 1
    await a_writer.close()


def test_a_writer_serves_one_event_loop_after_another(path: str) -> None:
    """Each waits for news of its own."""
    a_writer = Writer(lambda: connect(path, busy_timeout=5), patience=5)

    async def write_and_rest() -> None:
        tasks = set()
        for _ in range(2):
            assert await a_writer.write(_unit()) == 1
            tasks.add(a_writer._task)
            await asyncio.sleep(0.05)  # the task waits
        assert len(tasks) == 1

    async def write_and_close() -> None:
        await write_and_rest()
        await a_writer.close()

    asyncio.run(write_and_rest())
    asyncio.run(write_and_close())


async def test_as_many_units_wait_as_the_queue_holds(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design §9: the next one is refused at once."""
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 5)
    a_writer = Writer(lambda: connect(path, busy_timeout=5), patience=5)
    waiting = [asyncio.ensure_future(a_writer.write(_unit())) for _ in range(6)]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == [*["int"] * 5, "Unavailable"]
    await a_writer.close()
