"""Folding the log in beside the commits, when the writer or its event loop comes to an end."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from jotary.server.model.changes import RotateSession
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Step
from jotary.server.store.sqlite import writer
from jotary.server.store.sqlite.file import connect
from jotary.server.store.sqlite.writer import Writer

_UNIT: Sequence[Step] = [
    Step(
        Statement(sa.text("INSERT INTO t VALUES (1)"), sqlite.dialect(paramstyle="qmark")),
        (),
        RotateSession("session", 0, 0, 0),
    )
]


class SlowFolder:
    """Opens connections; the folder's thread gets its own when it may."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.begun = 0
        self.may_go_on = threading.Event()

    def __call__(self) -> sqlite3.Connection:
        """The next connection."""
        if threading.current_thread().name.startswith("jotary-folder"):
            self.begun += 1
            assert self.may_go_on.wait(30)
        return connect(self._path, busy_timeout=5)


@pytest.fixture
def folder(path: str, monkeypatch: pytest.MonkeyPatch) -> SlowFolder:
    """On a database whose log is long with five rows."""
    monkeypatch.setattr(writer, "CHECKPOINT_AFTER", 5)
    monkeypatch.setattr(writer, "IDLE_SECONDS", 3600)
    return SlowFolder(path)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- another thread makes it true
            await asyncio.sleep(0.005)


async def _make_long(a_writer: Writer) -> None:
    for _ in range(5):
        await a_writer.write(_UNIT)


def test_closing_waits_for_the_log_to_be_folded_in(folder: SlowFolder) -> None:
    """Else the process would end, or the file be moved, under a thread that writes to it."""

    async def journey() -> None:
        a_writer = Writer(folder, patience=5)
        await _make_long(a_writer)
        await _until(lambda: folder.begun == 1)
        closing = asyncio.ensure_future(a_writer.close())
        await asyncio.sleep(0.1)
        assert not closing.done()
        folder.may_go_on.set()
        await closing
        assert not [each for each in threading.enumerate() if each.name.startswith("jotary-folder")]

    asyncio.run(journey())


def test_an_event_loop_that_ended_meanwhile_leaves_nothing_to_wait_for(folder: SlowFolder) -> None:
    """What it waited for never comes to an end for the next one, which folds in by itself."""
    a_writer = Writer(folder, patience=5)

    async def leave() -> None:
        await _make_long(a_writer)
        await _until(lambda: folder.begun == 1)

    async def go_on() -> None:
        folder.may_go_on.set()
        await _make_long(a_writer)
        await _until(lambda: folder.begun == 2)
        await a_writer.close()

    asyncio.run(leave())
    asyncio.run(go_on())


def test_a_write_after_a_rest_does_not_wait_for_the_log(folder: SlowFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/decisions/0018: the disk may take longer than the rest; when it is done, another one takes what is left."""
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.001)

    async def journey() -> None:
        a_writer = Writer(folder, patience=5)
        await _make_long(a_writer)
        await _until(lambda: folder.begun == 1)
        await asyncio.sleep(0.1)  # at rest, many times over
        async with asyncio.timeout(10):
            await a_writer.write(_UNIT)
        assert not folder.may_go_on.is_set()
        folder.may_go_on.set()
        await _until(lambda: a_writer._folding is None and not a_writer._unfolded())
        await a_writer.close()

    asyncio.run(journey())


def test_a_writer_at_rest_does_nothing(folder: SlowFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the log is folded in: no transaction without a unit, and no turn without a reason."""
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.001)
    told: list[int] = []
    turns: list[bool] = []

    async def journey() -> None:
        a_writer = Writer(folder, patience=5)
        a_writer.tell_commit = lambda units, _seconds: told.append(units)
        fold = a_writer._fold

        async def noted(*, is_idle: bool) -> None:
            turns.append(is_idle)
            await fold(is_idle=is_idle)

        monkeypatch.setattr(a_writer, "_fold", noted)
        await asyncio.gather(*(a_writer.write(_UNIT) for _ in range(3)))
        await _until(lambda: a_writer._checkpointed > 0)
        await asyncio.sleep(0.1)
        await a_writer.close()

    asyncio.run(journey())
    assert told == [3]
    assert turns == [False, True]
