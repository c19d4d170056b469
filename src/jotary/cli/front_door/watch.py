"""Who is waited for, and how long: one clock and one list for all connections of a process."""

import asyncio
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

import structlog
from uvicorn.server import ServerState

#: Seconds between two looks at the connections. No connection has a timer of its own.
SWEEP_INTERVAL: Final = 1
#: Sweeps for which a client was waited for, after which its connection is idle: a second at least.
IDLE: Final = 2

log = structlog.get_logger("jotary.server")


class Watched(Protocol):
    """A connection."""

    def look(self) -> None:
        """See whether its client has been waited for long enough."""

    def give_way(self, *, is_idle: bool) -> None:
        """Close at once: somebody else needs the place. Who is not idle is told to come again."""


class Watch:
    """What the connections of one process know of each other.

    Attributes:
        now: sweeps since the process began, which is its clock: reading it costs nothing.
        starting: requests that have come and have not had their first turn of the event loop. Those that wait for
            anything else wait in a queue that is bounded by itself: for a thread that hashes, for the database, for
            news of the feed.

    Args:
        connections: all of the process.
        limit: how many there may be.
    """

    def __init__(self, connections: set[Any], limit: int) -> None:
        self.now = 0
        self.starting = 0
        self._connections = connections
        self._limit = limit
        self._max_starting = max(1, limit // 2)
        self._awaited: dict[Watched, int] = {}  # those whose clients are waited for, and since when; the first first
        self._timer: asyncio.TimerHandle | None = None
        self._refused = 0

    def enter(self, newcomer: Watched) -> None:
        """A client has connected: who has been waited for longest makes room if there is none, and it is idle.

        That is nobody whose request is being answered. If all are in use, there are more than the limit, and what is
        too much is answered 503; beyond twice the limit the longest one makes room, idle or not.
        """
        excess = len(self._connections) - self._limit
        if excess > 0 and self._awaited:
            longest, since = next(iter(self._awaited.items()))
            is_idle = self.now - since >= IDLE
            if is_idle or excess > self._limit:
                self.leave(longest)
                longest.give_way(is_idle=is_idle)
        self.wait_for(newcomer)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_INTERVAL, self._tick)

    def wait_for(self, connection: Watched) -> None:
        """It is its client's turn now."""
        self._awaited.setdefault(connection, self.now)

    def leave(self, connection: Watched) -> None:
        """It is the server's turn, or the connection is no more."""
        self._awaited.pop(connection, None)

    def is_overloaded(self) -> bool:
        """Whether one more request would only make others wait: too many have come at once, or are under way."""
        return self.starting >= self._max_starting or len(self._connections) - len(self._awaited) >= self._limit

    def note_refusal(self) -> None:
        """Count a request that was refused; the next sweep logs how many there were."""
        self._refused += 1

    def sweep(self) -> None:
        """One tick of the clock: look at every connection."""
        self.now += 1
        for connection in list(self._connections):
            connection.look()
        if self._refused:
            log.warning("overloaded", refused=self._refused)
            self._refused = 0

    def _tick(self) -> None:
        try:
            self.sweep()
        finally:  # whatever fails: without its clock the process would wait for every client for ever
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(SWEEP_INTERVAL, self._tick) if self._connections else None


_WATCHES: Final[WeakKeyDictionary[ServerState, Watch]] = WeakKeyDictionary()


def watch_of(state: ServerState, limit: int | None) -> Watch:
    """The watch of a server, made when it is first asked for.

    Args:
        state: what uvicorn shares among the connections of a server.
        limit: how many connections there may be; None for as many as come.
    """
    watch = _WATCHES.get(state)
    if watch is None:
        watch = _WATCHES[state] = Watch(state.connections, limit or _UNLIMITED)
    return watch


_UNLIMITED: Final = 2**31
