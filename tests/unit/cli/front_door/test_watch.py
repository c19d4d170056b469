"""One clock and one list for all connections of a process."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from jotary.cli.front_door.watch import Watch

if TYPE_CHECKING:
    from tests.unit.cli.front_door.conftest import Connect

pytestmark = pytest.mark.anyio

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Guest:
    """A connection that is gone as soon as it is looked at."""

    def __init__(self, connections: "set[Guest]") -> None:
        self._connections = connections
        self.was_seen = False
        self.failure: Exception | None = None

    def look(self) -> None:
        """As of every connection."""
        self.was_seen = True
        if self.failure is not None:
            raise self.failure
        self._connections.remove(self)

    def give_way(self, *, is_idle: bool) -> None:
        """As of every connection."""


@pytest.fixture
async def connections(anyio_backend: str) -> set[Guest]:
    """All of the process."""
    return set()


@pytest.fixture
async def lonely(connections: set[Guest]) -> AsyncIterator[Watch]:
    """The watch of a process that may have one connection."""
    lonely = Watch(connections, 1)
    yield lonely
    if lonely._timer is not None:
        lonely._timer.cancel()


async def test_there_is_one_clock(connect: "Connect", watch: Watch) -> None:
    """However many come, or it would go too fast."""
    connect()
    first = watch._timer
    connect()
    assert watch._timer is first


async def test_the_clock_goes_on_while_somebody_is_there(connect: "Connect", watch: Watch) -> None:
    """And stands still when nobody is, until somebody comes again."""
    connection, _ = connect()
    first = watch._timer
    watch._tick()
    assert watch._timer is not None
    assert watch._timer is not first
    watch._timer.cancel()
    connection.connection_lost(None)
    watch._tick()
    assert watch._timer is None
    connect()
    assert watch._timer is not None


async def test_nothing_that_fails_stops_the_clock(connections: set[Guest], lonely: Watch) -> None:
    """Without it a process would wait for every client for ever. What failed is told by the event loop."""
    broken = Guest(connections)
    broken.failure = OSError("not connected")
    connections.update([broken, Guest(connections)])
    with pytest.raises(OSError, match="not connected"):
        lonely._tick()
    assert lonely._timer is not None


async def test_all_are_looked_at_though_some_go_meanwhile(connections: set[Guest], lonely: Watch) -> None:
    """A look may end a connection at once."""
    guests = [Guest(connections) for _ in range(5)]
    connections.update(guests)
    lonely.sweep()
    assert all(guest.was_seen for guest in guests)


@pytest.mark.parametrize(("limit", "room"), [(10, 5), (11, 5), (2, 1), (1, 1)])
async def test_half_of_the_connections_may_have_a_request_at_once(limit: int, room: int) -> None:
    """Decision 13: what is refused costs half of what is served, and comes back at once."""
    watch = Watch(set(), limit)
    watch.starting = room - 1
    assert not watch.is_overloaded()
    watch.starting = room
    assert watch.is_overloaded()


async def test_one_request_at_least_may_begin(lonely: Watch) -> None:
    """With the smallest of bounds."""
    assert not lonely.is_overloaded()


async def test_who_has_gone_is_not_waited_for(connect: "Connect", watch: Watch) -> None:
    """Nobody would take it off the list, which says how many are idle."""
    connection, _ = connect()
    connection.connection_lost(None)
    assert not watch._awaited


async def test_refusals_are_logged_once_a_second_with_their_number(connect: "Connect", watch: Watch) -> None:
    """A line for each would be one more load."""
    (first, _), (second, _) = connect(), connect()
    first.data_received(_GET)
    for _ in range(3):
        second.data_received(_GET)
    with capture_logs() as logged:
        for _ in range(3):
            watch.sweep()
    assert [(entry["event"], entry["log_level"], entry["refused"]) for entry in logged] == [
        ("overloaded", "warning", 3)
    ]
