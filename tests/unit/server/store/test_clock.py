"""How far the clock of the database is from our own."""

import asyncio
from unittest.mock import ANY

import pytest
import structlog.testing

from jotary.server.store.clock import DatabaseClock

NOW = 1_800_000_000


class Database:
    """Knows what time it is, or has no clock."""

    def __init__(self, time: int | None) -> None:
        self.now = time

    async def time(self) -> int | None:
        """As of every store."""
        return self.now


@pytest.mark.parametrize(("time", "ahead"), [(NOW, 0), (NOW - 3600, -3600), (NOW + 60, 60), (None, 0)])
def test_it_tells_the_difference(time: int | None, ahead: int) -> None:
    """In seconds; none where all processes are on one machine."""
    clock = DatabaseClock(lambda: NOW)
    asyncio.run(clock.compare(Database(time)))
    assert clock.ahead() == ahead


@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_a_clock_that_is_far_off_is_said_once(sign: int) -> None:
    """An operator sets it; the log is not filled meanwhile."""
    clock, database = DatabaseClock(lambda: NOW), Database(NOW + sign * 5)
    with structlog.testing.capture_logs() as logs:
        asyncio.run(clock.compare(database))
        assert logs == []
        database.now = NOW + sign * 60
        for _ in range(3):
            asyncio.run(clock.compare(database))
        database.now = NOW - sign * 60
        asyncio.run(clock.compare(database))
    assert logs == [{"event": "clock_differs", "log_level": "warning", "database_ahead": sign * 60, "hint": ANY}]
