"""How parties are compared: in turns, in one process, by the fastest of many rounds."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """What one piece of work costs each party.

    Attributes:
        title: the work.
        limit: the party that does nothing but what nobody can leave out.
        seconds: for each party, CPU seconds for the work done once.
    """

    title: str
    limit: str
    seconds: Mapping[str, float]


def compare(title: str, parties: Mapping[str, Callable[[], object]], *, rounds: int = 25) -> Comparison:
    """Measure the parties, the first of which is the limit.

    Each round gives every party about 10 ms. The fastest round counts: what disturbs a machine only ever adds time.
    """
    repeats = {party: _repeats(work) for party, work in parties.items()}
    fastest = dict.fromkeys(parties, float("inf"))
    for _ in range(rounds):
        for party, work in parties.items():
            fastest[party] = min(fastest[party], _time(work, repeats[party]) / repeats[party])
    return Comparison(title, next(iter(parties)), fastest)


def _repeats(work: Callable[[], object]) -> int:
    """How often the work fits into 10 ms."""
    work()
    return max(1, int(0.01 / max(_time(work, 5) / 5, 1e-8)))


def _time(work: Callable[[], object], repeats: int) -> float:
    started = time.process_time_ns()
    for _ in range(repeats):
        work()
    return (time.process_time_ns() - started) / 1e9
