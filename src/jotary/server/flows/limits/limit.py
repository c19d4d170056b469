"""A limit, and whether an attempt is within it. Pure.

The generic cell rate algorithm (ITU-T I.371, annex A): all that is remembered is when the allowance will be whole
again, so that counting is one comparison and one addition, which a database does in one statement.
"""

from collections.abc import Iterable

import msgspec

from jotary.server.model.allowance import WRONG_BY
from jotary.server.model.changes import ReturnAttempt, TakeAttempt


class Limit(msgspec.Struct, frozen=True):
    """`burst` attempts at once, and one more every `interval` seconds until all of them are back."""

    burst: int
    interval: int

    @property
    def tolerance(self) -> int:
        """Seconds by which the moment of being whole may lie ahead while one more attempt is let through."""
        return (self.burst - 1) * self.interval

    def wait(self, restored_at: int | None, now: int) -> int:
        """Seconds until the next attempt is let through; 0: now. `restored_at` None: nothing was used."""
        if restored_at is None or restored_at > now + self.burst * self.interval + WRONG_BY:
            return 0
        return max(0, restored_at - self.tolerance - now)


class Counter(msgspec.Struct, frozen=True):
    """What is counted, under which name, against which limit."""

    id: str
    limit: Limit

    def take(self, now: int) -> TakeAttempt:
        """What counts an attempt."""
        return TakeAttempt(self.id, now, self.limit.interval, self.limit.tolerance)


class TooMany(msgspec.Struct, frozen=True):
    """An attempt that is not let through; nothing was looked at, so that the answer tells nothing."""

    retry_after: int  # seconds, 1 at least


def take_all(counters: Iterable[Counter], now: int) -> tuple[TakeAttempt, ...]:
    """What counts one attempt everywhere, in one order for all: two who come at once do not wait for each other."""
    return tuple(counter.take(now) for counter in sorted(counters, key=lambda counter: counter.id))


def return_all(counters: Iterable[Counter]) -> tuple[ReturnAttempt, ...]:
    """What takes that back."""
    ordered = sorted(counters, key=lambda counter: counter.id)
    return tuple(ReturnAttempt(counter.id, counter.limit.interval) for counter in ordered)
