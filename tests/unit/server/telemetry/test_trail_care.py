"""What the server does for its audit trail by itself, and what it says of one that was tampered with."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from jotary.oauth.secret import Secret
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store
from jotary.server.telemetry.trail_care import TrailCare

DAY = 86_400
NOW = 20_000 * DAY
Scene = Callable[[Store, TrailCare], Awaitable[None]]
Logs = list[Any]


@pytest.fixture
def logs() -> Iterator[Logs]:
    """What was logged."""
    with capture_logs() as captured:
        yield captured


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    """Play a scene with a store that has two events of long ago, and the care for its trail."""

    async def run(scene: Scene) -> None:
        store = await open_store(f"sqlite:///{tmp_path}/jotary.db")
        await store.commit(*(AddEvent(Event(kind="a.b", at=number)) for number in range(2)))
        settings = Settings(secret=Secret("0123456789abcdef" * 2), audit_retention=DAY)
        try:
            await scene(store, TrailCare(store, settings, lambda: NOW))
        finally:
            await store.close()

    return lambda scene: asyncio.run(run(scene))


def tamper(folder: Path, statement: str) -> None:
    """As somebody who can write to the file."""
    with closing(sqlite3.connect(folder / "jotary.db")) as connection, connection:
        connection.execute(statement)


def said(logs: Logs, level: str) -> Sequence[str]:
    """The events that were logged at a level."""
    return [entry["event"] for entry in logs if entry["log_level"] == level]


def test_the_head_is_told_to_the_log_when_there_is_something_new(play: Callable[[Scene], None], logs: Logs) -> None:
    """The log is the other place: who sets the trail back does not reach it (docs/audit.md)."""

    async def scene(store: Store, care: TrailCare) -> None:
        await care.seal()
        await care.seal()
        chain = await store.audit_chain()
        assert chain is not None
        (sealed,) = [entry for entry in logs if entry["event"] == "audit_sealed"]
        assert (sealed["events"], sealed["count"], sealed["head"]) == (2, 2, chain.head_seal.hex())

    play(scene)


def test_a_broken_trail_is_said_once_and_stops_nothing(
    play: Callable[[Scene], None], logs: Logs, tmp_path: Path
) -> None:
    """Critical, with what to do; every few seconds it would bury what else is said."""

    async def scene(_store: Store, care: TrailCare) -> None:
        await care.seal()
        tamper(tmp_path, "DELETE FROM audit_chain")
        for _ in range(3):
            await care.seal()
        assert said(logs, "critical") == ["audit_trail_broken"]
        assert "gone" in logs[-1]["problem"]
        assert logs[-1]["hint"]

    play(scene)


def test_a_trail_that_breaks_again_is_said_again(play: Callable[[Scene], None], logs: Logs, tmp_path: Path) -> None:
    """After it was well in between."""

    async def scene(store: Store, care: TrailCare) -> None:
        await care.seal()
        chain = await store.audit_chain()
        assert isinstance(chain, AuditChain)
        for _ in range(2):
            tamper(tmp_path, "UPDATE audit_chain SET head_count = head_count + 1")
            await care.seal()
            tamper(tmp_path, "UPDATE audit_chain SET head_count = head_count - 1")
            await care.seal()
        assert said(logs, "critical") == ["audit_trail_broken"] * 2

    play(scene)


def test_what_is_too_old_goes_and_evidence_stays(play: Callable[[Scene], None], logs: Logs, tmp_path: Path) -> None:
    """What was tampered with is not purged; that is said, and is no failure of the server."""

    async def scene(store: Store, care: TrailCare) -> None:
        await care.seal()
        tamper(tmp_path, "UPDATE events SET user_id = 'mallory' WHERE position = 1")
        await care.purge()
        assert len(await store.events()) == 2
        assert said(logs, "critical") == ["audit_trail_broken"]
        tamper(tmp_path, "UPDATE events SET user_id = NULL WHERE position = 1")
        await care.purge()
        assert [event.kind for event in await store.events()] == ["audit.purged"]

    play(scene)


def test_at_the_end_the_rest_is_sealed(play: Callable[[Scene], None]) -> None:
    """Or a stopped server would leave events that anybody may change."""

    async def scene(store: Store, care: TrailCare) -> None:
        async with care.running():
            assert await store.audit_chain() is None
        chain = await store.audit_chain()
        assert chain is not None
        assert chain.head_count == 2

    play(scene)


def test_a_database_that_is_away_does_not_hold_up_the_end(
    play: Callable[[Scene], None], logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next start seals what is left."""

    async def away(_store: Store) -> None:
        raise Unavailable("the database")

    async def scene(_store: Store, care: TrailCare) -> None:
        monkeypatch.setattr(Store, "audit_chain", away)
        async with care.running():
            pass
        assert said(logs, "warning") == ["audit_not_sealed"]

    play(scene)
