"""From the start of a server to its first answer, with a database that is there already.

The processes are started one after the other on one core. oidc-provider has no database to open.
"""

from collections.abc import Iterator

from bench.load.contenders import contenders, has_process_figures
from bench.load.process import cores, on_core, serving
from bench.measurement import JOTARY, Comparison, Effort, Skipped, Target

_ROUNDS = 9  # at most


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """The wall clock's time, and CPU time."""
    if not has_process_figures():
        yield Skipped("start to first answer", "needs Linux")
        return
    core, _ = cores()
    with contenders() as parties, on_core(core):
        seconds: dict[str, list[float]] = {each.name: [] for each in parties}
        cpu: dict[str, list[float]] = {each.name: [] for each in parties}
        for _ in range(min(effort.rounds, _ROUNDS) + 1):
            for each in parties:
                with serving(each.command, each.port) as server:
                    seconds[each.name].append(server.seconds)
                    cpu[each.name].append(server.cpu)
    against = next((name for name in seconds if name != JOTARY), None)
    target = Target(0.6, "figure")
    yield Comparison("start to first answer", "s", _warm(seconds), against, target)
    yield Comparison("start to first answer: CPU", "s", _warm(cpu), against, target)


def _warm(samples: dict[str, list[float]]) -> dict[str, list[float]]:
    """Without the first round, which reads files that are not in memory yet."""
    return {name: each[1:] for name, each in samples.items()}
