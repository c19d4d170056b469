"""Gauges that are looked up when somebody asks: the state of the keys, the feed, the queues and the database."""

from collections.abc import Callable, Iterable
from typing import Protocol

from jotary.server.flows.revocation_feed import FeedFigures
from jotary.server.keyring import Keyring
from jotary.server.keyring.schedule import ROTATION_INTERVAL
from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Clock
from jotary.server.telemetry.metrics import catalogue
from jotary.server.telemetry.metrics.instruments import Instruments

_STATES = ("announced", "signing", "retiring")


class DatabaseFigures(Protocol):
    """As `store.driver.DriverFigures`."""

    @property
    def waiting(self) -> int:
        """Who waits."""

    @property
    def connections(self) -> int:
        """To a database server."""

    @property
    def idle(self) -> int:
        """Of these."""


def read_keys(instruments: Instruments, keyring: Keyring, clock: Clock) -> None:
    """The keys by state, those that are refused, how old the signing one is, and what comes next."""

    def states() -> Iterable[tuple[tuple[str, ...], float]]:
        found = [state_of(key, clock()) for key in keyring.records]
        return [((state,), float(found.count(state))) for state in _STATES]

    def age() -> Iterable[tuple[tuple[str, ...], float]]:
        now = clock()
        since = [key.signing_from for key in keyring.records if state_of(key, now) == "signing"]
        return [((), float(now - max(since)))] if since else []

    def change() -> Iterable[tuple[tuple[str, ...], float]]:
        until = seconds_until_change(keyring.records, clock())
        return [] if until is None else [((), float(until))]

    instruments.read(catalogue.KEYS, states)
    instruments.read(catalogue.KEYS_REFUSED, lambda: [((), float(len(keyring.tampered)))])
    instruments.read(catalogue.KEY_AGE, age)
    instruments.read(catalogue.KEY_CHANGE, change)
    instruments.read(catalogue.KEY_OVERDUE, lambda: [((), float(keyring.is_overdue))])


def state_of(key: SigningKey, now: int) -> str:
    """Where a key stands in its life at `now` (Unix seconds)."""
    if key.gone_from is not None and key.gone_from <= now:
        return "gone"
    if key.retiring_from is not None and key.retiring_from <= now:
        return "retiring"
    return "signing" if key.signing_from <= now else "announced"


def seconds_until_change(keys: Iterable[SigningKey], now: int) -> int | None:
    """Seconds until a key goes over into its next state; None without keys."""
    moments = [moment for key in keys for moment in _moments(key) if moment > now]
    return min(moments) - now if moments else None


def _moments(key: SigningKey) -> list[int]:
    end = key.signing_from + ROTATION_INTERVAL if key.retiring_from is None else key.retiring_from
    return [key.signing_from, end, *([] if key.gone_from is None else [key.gone_from])]


def read_feed(instruments: Instruments, figures: Callable[[], FeedFigures]) -> None:
    """The feed of cut-offs."""
    instruments.read(catalogue.FEED_ENTRIES, lambda: [((), float(figures().entries))])
    instruments.read(catalogue.FEED_FOLLOWERS, lambda: [((), float(figures().followers))])
    instruments.read(catalogue.FEED_POSITION, lambda: [((), float(figures().position))])


def read_database(instruments: Instruments, figures: Callable[[], DatabaseFigures]) -> None:
    """What waits for the database, and the connections if it has some."""

    def connections() -> Iterable[tuple[tuple[str, ...], float]]:
        known = figures()
        return [(("busy",), float(known.connections - known.idle)), (("idle",), float(known.idle))]

    instruments.read(catalogue.WRITES_WAITING, lambda: [((), float(figures().waiting))])
    instruments.read(catalogue.CONNECTIONS, connections)
