"""How far the clock that all servers of a database share is from our own."""

from typing import Final, Protocol

import structlog

from jotary.server.ports import Clock

#: Seconds between two comparisons.
COMPARISON_INTERVAL: Final = 5
_TOLERABLE: Final = 5  # seconds

log = structlog.get_logger("jotary.server")


class Timed(Protocol):
    """What knows the time of the database."""

    async def time(self) -> int | None:
        """Unix seconds by the database's own clock; None: it has none but this machine's."""


class DatabaseClock:
    """Compares clocks now and then. What one server writes and another judges by seconds is told in this one's time.

    Args:
        clock: our own.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0

    def ahead(self) -> int:
        """Seconds that the database's clock was ahead of ours when they were compared last."""
        return self._ahead

    async def compare(self, store: Timed) -> None:
        """Ask the database; a clock that is far off is logged once.

        Raises:
            Unavailable: it does not answer; what was known stays.
        """
        theirs = await store.time()
        if theirs is None:
            return
        known, self._ahead = self._ahead, theirs - self._clock()
        if abs(self._ahead) > _TOLERABLE >= abs(known):
            log.warning("clock_differs", database_ahead=self._ahead, hint="Set the clocks, as with NTP.")
