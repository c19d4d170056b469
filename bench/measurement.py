"""How parties are compared: in turns, round by round, so that what slows one slows all; the median counts."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

#: The party that a comparison is about.
JOTARY = "jotary"

Unit = Literal["µs", "ms", "req/s", "s", "MiB", "B"]


@dataclass(frozen=True)
class Effort:
    """How much is done for a figure.

    Attributes:
        rounds: turns that each party gets.
        turn: seconds of a turn of work that takes microseconds.
        load: seconds of a turn under load.
        warm_up: seconds of load before the first turn.
        users: people in the two databases whose work is compared.
    """

    rounds: int
    turn: float
    load: float
    warm_up: float
    users: tuple[int, int] = (10_000, 5_000_000)


FULL = Effort(rounds=25, turn=0.01, load=1.5, warm_up=3)
#: Shows that everything runs; its figures mean nothing.
QUICK = Effort(rounds=2, turn=0.0002, load=0.1, warm_up=0.05, users=(200, 2_000))


@dataclass(frozen=True)
class Target:
    """What design asks for: a bound on the figure itself, or on how many times the limit or peer it is.

    Attributes:
        bound: the number.
        on: what it bounds.
        sense: whether the figure may be at most or must be at least that.
    """

    bound: float
    on: Literal["ratio", "figure"] = "ratio"
    sense: Literal["≤", "≥"] = "≤"

    def is_met(self, *, figure: float, ratio: float) -> bool:
        """Whether a party meets it."""
        value = ratio if self.on == "ratio" else figure
        return value <= self.bound if self.sense == "≤" else value >= self.bound


@dataclass(frozen=True)
class Comparison:
    """What one piece of work costs each party.

    Attributes:
        work: in words.
        unit: of the samples. µs are CPU time; requests a second and seconds are the wall clock's.
        samples: for each party its figures, one for each round; all have as many.
        against: the limit or the peer that the ratios are to; None if jotary was alone.
        target: what jotary must meet, if anything was asked for.
    """

    work: str
    unit: Unit
    samples: Mapping[str, Sequence[float]]
    against: str | None
    target: Target | None = None

    def figure(self, party: str) -> float:
        """The median of a party."""
        return statistics.median(self.samples[party])

    def ratio(self, party: str) -> float:
        """How many times `against` it is: the median over the rounds, in each of which both had the same neighbours."""
        if self.against is None:
            return float("nan")
        pairs = zip(self.samples[party], self.samples[self.against], strict=True)
        return statistics.median(ours / theirs for ours, theirs in pairs)

    def is_met(self) -> bool | None:
        """Whether jotary meets the target; None if there is none, or if it is about a peer who is missing."""
        if self.target is None or (self.target.on == "ratio" and self.against is None):
            return None
        return self.target.is_met(figure=self.figure(JOTARY), ratio=self.ratio(JOTARY))


@dataclass(frozen=True)
class Skipped:
    """Work that could not be measured here, and why."""

    work: str
    reason: str


def take_turns(
    parties: Mapping[str, Callable[[], object]],
    effort: Effort,
    *,
    units: int = 1,
    elsewhere: Mapping[str, Callable[[float], float]] = MappingProxyType({}),
) -> dict[str, list[float]]:
    """CPU microseconds of each party for one unit of work, one sample for each round.

    Args:
        parties: the work of each.
        effort: how often.
        units: of work that one call does.
        elsewhere: parties in a process of their own. Each takes a turn of so many seconds, and says its microseconds.
    """
    calls = {party: _calls(work, effort.turn) for party, work in parties.items()}
    samples: dict[str, list[float]] = {party: [] for party in (*parties, *elsewhere)}
    for _ in range(effort.rounds):
        for party, work in parties.items():
            samples[party].append(_time(work, calls[party]) * 1e6 / (calls[party] * units))
        for party, turn in elsewhere.items():
            samples[party].append(turn(effort.turn))
    return samples


def compare(
    work: str,
    parties: Mapping[str, Callable[[], object]],
    effort: Effort,
    *,
    target: Target | None = None,
    units: int = 1,
    elsewhere: Mapping[str, Callable[[float], float]] = MappingProxyType({}),
) -> Comparison:
    """Compare the CPU time of parties, the first of which is the limit; the arguments are those of `take_turns`."""
    samples = take_turns(parties, effort, units=units, elsewhere=elsewhere)
    return Comparison(work, "µs", samples, next(iter(parties)), target)


def _calls(work: Callable[[], object], turn: float) -> int:
    """How many calls fill a turn."""
    work()
    return max(1, int(turn / max(_time(work, 3) / 3, 1e-7)))


def _time(work: Callable[[], object], calls: int) -> float:
    started = time.process_time_ns()
    for _ in range(calls):
        work()
    return (time.process_time_ns() - started) / 1e9
