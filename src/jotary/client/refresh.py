"""When to refresh, once for all who wait, and what may come of it (design §6.1). No I/O: who refreshes is passed in."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

import msgspec

#: Seconds before its end at which an access token is refreshed, unless it lives too short for that.
REFRESH_MARGIN: Final = 60
#: One part in five: the margin of a token that lives less than five minutes.
REFRESH_FRACTION: Final = 5
#: Seconds that a token must be old before a refusal by an API is a reason to trade it early. An API that refuses every
#: token must not make each request a refresh.
TRUSTED_FOR: Final = 30
#: Seconds for which a failed refresh is not tried again while the access token still works.
COOL_DOWN: Final = 5

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Refreshed(msgspec.Struct, Generic[Value], frozen=True, eq=False):
    """There is something newer to go on with."""

    value: Value


class SignedOut(msgspec.Struct, frozen=True):
    """The issuer says that the session is over: sign in again."""


class Unavailable(msgspec.Struct, frozen=True):
    """Nobody knows: the session stays, and it is worth trying again after `retry_after` seconds."""

    retry_after: int


def refresh_due_at(*, obtained_at: int, expires_at: int) -> int:
    """The moment (Unix seconds) from which on an access token is refreshed before it is used.

    A minute before its end, so that it does not die on the way to the API; for short-lived tokens a fifth of their
    life, so that they are not refreshed at each request.
    """
    return expires_at - _margin(obtained_at, expires_at)


def is_refresh_due(*, obtained_at: int, expires_at: int, now: int) -> bool:
    """Whether an access token is refreshed before it is used again. `now` in Unix seconds.

    It is also where the clock was set back since, by more than clocks of several processes differ: nobody can tell how
    old the token is then.
    """
    margin = _margin(obtained_at, expires_at)
    return not obtained_at - margin <= now < expires_at - margin


def has_just_failed(failed_at: int, now: int) -> bool:
    """Whether a refresh failed so short a time ago that a token which still lives is used meanwhile."""
    return failed_at <= now < failed_at + COOL_DOWN


def _margin(obtained_at: int, expires_at: int) -> int:
    return min(REFRESH_MARGIN, (expires_at - obtained_at) // REFRESH_FRACTION)


class SingleFlight(Generic[Key, Value]):
    """Runs the same work once for all who ask for it at the same time.

    The work belongs to nobody in particular: it goes on when the one who started it is cancelled, because a refresh
    that is half done has already changed the issuer's mind about which token is the living one.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, asyncio.Task[Value]] = {}

    async def run(self, key: Key, work: Callable[[], Awaitable[Value]]) -> Value:
        """Return what `work` returns, or raise what it raises, to all who wait under the same key."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(_run(work))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(flight)

    def _land(self, key: Key, flight: asyncio.Task[Value]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # looked at here, since every waiter may be gone

    async def landed(self) -> None:
        """Wait until nothing is under way."""
        while self._flights:
            await asyncio.wait(list(self._flights.values()))


async def _run(work: Callable[[], Awaitable[Value]]) -> Value:
    return await work()
