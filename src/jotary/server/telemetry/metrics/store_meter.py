"""What the database is asked, and what happened in the server, told from what was written.

All that matters is a change that was committed. Counted here, no flow has to count anything, and nothing is counted
that was rolled back.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from time import perf_counter
from types import TracebackType
from typing import Final, Literal

from prometheus_client import Counter

from jotary.server.model.changes import (
    AddEvent,
    AddSession,
    Change,
    EndSession,
    EndSessionsOfClient,
    EndSessionsOfSignIn,
    EndSessionsOfUser,
)
from jotary.server.model.event import Event
from jotary.server.ports import Unavailable
from jotary.server.telemetry.metrics import catalogue
from jotary.server.telemetry.metrics.instruments import Instruments

_ENDS: Final = {
    EndSession: "session",
    EndSessionsOfSignIn: "sign_in",
    EndSessionsOfUser: "user",
    EndSessionsOfClient: "client",
}


class StoreMeter:
    """A `StoreWatch` (`store/watched.py`) that counts and measures."""

    def __init__(self, instruments: Instruments) -> None:
        durations = instruments.tallies(catalogue.DATABASE)
        self._failures = instruments.counter(catalogue.DATABASE_FAILURES)
        self._sign_ins = instruments.counter(catalogue.SIGN_INS)
        for outcome in ("accepted", "refused", "limited"):  # shown from the start: alerts compare them
            self._sign_ins.labels(outcome)
        self._reuses = instruments.counter(catalogue.REUSES)
        self._events = instruments.counter(catalogue.EVENTS)
        self._started = instruments.counter(catalogue.SESSIONS_STARTED)
        self._ended = instruments.counter(catalogue.SESSIONS_ENDED)
        self._observe = {name: durations.labels(name).observe for name in ("look_up", "scan", "write")}
        self._commits = instruments.tallies(catalogue.COMMITS).labels().observe
        self._units = instruments.tallies(catalogue.COMMIT_UNITS).labels().observe

    def reading(self, operation: Literal["look_up", "scan"]) -> AbstractContextManager[object]:
        """As `StoreWatch.reading`."""
        return _Timed(self, operation, self._failures.labels(operation))

    def writing(self, changes: Sequence[Change]) -> AbstractContextManager[object]:
        """As `StoreWatch.writing`."""
        return _Timed(self, "write", self._failures.labels("write"), changes)

    def committed(self, units: int, seconds: float) -> None:
        """Count a transaction (`store.driver.TellCommit`)."""
        self._commits(seconds)
        self._units(units)

    def answered(self, operation: str, seconds: float, changes: Sequence[Change]) -> None:
        """Count what a call has done."""
        self._observe[operation](seconds)
        for change in changes:
            if isinstance(change, AddEvent):
                self._happened(change.event)
            elif isinstance(change, AddSession):
                self._started.inc()
            elif isinstance(change, EndSession | EndSessionsOfSignIn | EndSessionsOfUser | EndSessionsOfClient):
                self._ended.labels(_ENDS[type(change)], change.reason).inc()

    def sign_in_limited(self) -> None:
        """Count an attempt to sign in that was held off."""
        self._sign_ins.labels("limited").inc()

    def _happened(self, event: Event) -> None:
        self._events.labels(event.kind).inc()
        if event.kind in {"sign_in.accepted", "sign_in.refused"}:
            self._sign_ins.labels(event.kind.removeprefix("sign_in.")).inc()
        elif event.kind == "session.reuse_detected":
            self._reuses.inc()


class _Timed:
    """A call that is timed, and counted when it fails."""

    def __init__(self, meter: StoreMeter, operation: str, failures: Counter, changes: Sequence[Change] = ()) -> None:
        self._failures = failures
        self._meter = meter
        self._operation = operation
        self._changes = changes
        self._begun = perf_counter()

    def __enter__(self) -> None:
        """It begins."""

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        """It is over; what it changed has happened only if it did not fail."""
        if kind is not None and issubclass(kind, Unavailable):  # not a lost race, which is no failure
            self._failures.inc()
        changes = self._changes if kind is None else ()
        self._meter.answered(self._operation, perf_counter() - self._begun, changes)
