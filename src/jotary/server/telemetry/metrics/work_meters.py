"""Meters of single pieces of work: token answers, passwords, attempts held off, signatures, the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import TracebackType
from typing import Final, ParamSpec, Protocol, Self, TypeVar

from jotary.server.flows.limits.limit import Counter, TooMany
from jotary.server.flows.limits.limiter import Limiter
from jotary.server.model.changes import Change
from jotary.server.model.event import Event
from jotary.server.ports import Unavailable
from jotary.server.telemetry.metrics import catalogue
from jotary.server.telemetry.metrics.instruments import Instruments

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

#: Seconds between two looks at how late the event loop is.
LAG_INTERVAL: Final = 0.5


class Watch(Protocol):
    """As `passwords.pool.Watch`."""

    def __call__(self, work: Callable[Arguments, Answer], /) -> Callable[Arguments, Answer]:
        """The same work, watched."""


class HashMeter:
    """Measures passwords: as the pool's `watch` how long they wait and take, as a context who is turned away."""

    def __init__(self, instruments: Instruments) -> None:
        self._waits = instruments.histogram(catalogue.HASH_WAITS)
        self._durations = instruments.histogram(catalogue.HASHES)
        self._refused = instruments.counter(catalogue.HASHES_REFUSED)

    def watch(self, work: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
        """The work, which is told how long it waited when it begins."""
        queued = perf_counter()

        def watched(*arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
            begun = perf_counter()
            self._waits.observe(begun - queued)
            try:
                return work(*arguments, **named)
            finally:
                self._durations.observe(perf_counter() - begun)

        return watched

    def __call__(self) -> Self:
        """Around one password."""
        return self

    def __enter__(self) -> None:
        """It is brought."""

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        """It is answered."""
        if kind is not None and issubclass(kind, Unavailable):
            self._refused.inc()


class SignatureMeter:
    """Measures signatures that an HSM or a KMS makes."""

    def __init__(self, instruments: Instruments) -> None:
        self._durations = instruments.histogram(catalogue.SIGNATURES)
        self._failures = instruments.counter(catalogue.SIGNATURE_FAILURES)

    def __call__(self) -> "_Signature":
        """Around one signature."""
        return _Signature(self)

    def made(self, seconds: float, *, has_failed: bool) -> None:
        """Count one."""
        self._durations.observe(seconds)
        if has_failed:
            self._failures.inc()


class _Signature:
    def __init__(self, meter: SignatureMeter) -> None:
        self._meter = meter
        self._begun = perf_counter()

    def __enter__(self) -> None:
        """It is asked for."""

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        """It is made."""
        self._meter.made(perf_counter() - self._begun, has_failed=kind is not None)


@dataclass(frozen=True, slots=True)
class MeteredLimiter(Limiter):
    """Tells which limit held an attempt off: the audit trail is told once a minute only."""

    tell: Callable[[str], object] = str

    async def take(self, counters: Sequence[Counter], *changes: Change, refused: Event, now: int) -> TooMany | None:
        """As of every limiter."""
        too_many = await Limiter.take(self, counters, *changes, refused=refused, now=now)
        if too_many is not None:
            self.tell(refused.kind)
        return too_many


class LimitMeter:
    """Counts attempts that were held off."""

    def __init__(self, instruments: Instruments, sign_ins: Callable[[], None]) -> None:
        self._limits = instruments.counter(catalogue.LIMITS)
        self._sign_ins = sign_ins

    def __call__(self, kind: str) -> None:
        """Count one; `kind` is that of the event, such as `sign_in.limited`."""
        self._limits.labels(kind.removesuffix("_limited").removesuffix(".limited")).inc()
        if kind == "sign_in.limited":
            self._sign_ins()


async def measure_lag(instruments: Instruments) -> None:
    """Measure for ever how late the event loop comes to what is due."""
    observe, loop = instruments.histogram(catalogue.LAG).observe, asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_INTERVAL
        await asyncio.sleep(LAG_INTERVAL)
        observe(max(0.0, loop.time() - due))
