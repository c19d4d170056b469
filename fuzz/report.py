"""What a run says at its end."""

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from fuzz.tally import LIMIT, Tally

_SHOWN = 4  # of the checks that refused, in a row


def table(tally: Tally) -> str:
    """The counts as Markdown."""
    return "\n\n".join("\n".join(part) for part in _parts(tally))


def summary(tally: Tally) -> str:
    """One line: what was asked, and what came of it."""
    slow = tally.slowest
    return (
        f"{tally.hostile:,} hostile tokens: {len(tally.findings)} findings; the slowest took "
        f"{slow.seconds * 1000:.2f} ms of at most {LIMIT * 1000:.0f} ({slow.mutation}; {slow.size:,} characters)"
    )


def setting() -> str:
    """Where the figures come from."""
    return f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores"


def _parts(tally: Tally) -> Iterator[Iterable[str]]:
    changes, signers, checks = _by_change(tally)
    yield _rows(
        ("Change", "Hostile", "Left good, and taken", "Refused by"),
        ((name, f"{sum(c.values()):,}", f"{_good(tally, name):,}", _most(c)) for name, c in sorted(changes.items())),
    )
    yield _rows(("Who signed then", "Hostile"), ((name, f"{count:,}") for name, count in signers.most_common()))
    yield _rows(("Refused by the check", "Hostile"), ((name, f"{count:,}") for name, count in checks.most_common()))
    yield _rows(("Fired at", "Tokens or documents"), ((name, f"{n:,}") for name, n in sorted(tally.targets.items())))
    if tally.explained:
        rows = ((name, f"{count:,}") for name, count in sorted(tally.explained.items()))
        yield _rows(("Another library decides otherwise", "Tokens"), rows)
    good = sum(tally.legitimate.values())
    yield (
        f"{good:,} tokens were left good by their change, and were taken. {tally.undecided:,} more, of providers,",
        "break no rule that holds for every issuer, and are not counted.",
        "",
        f"{summary(tally)}.",
    )


def _by_change(tally: Tally) -> tuple[dict[str, Counter[str]], Counter[str], Counter[str]]:
    changes: dict[str, Counter[str]] = defaultdict(Counter)
    signers: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    for mutation, counts in tally.refused.items():
        change, _, signer = mutation.partition(", ")
        changes[change].update(counts)
        checks.update(counts)
        if signer:
            signers[signer] += sum(counts.values())
    return changes, signers, checks


def _good(tally: Tally, change: str) -> int:
    return sum(count for mutation, count in tally.legitimate.items() if mutation.partition(", ")[0] == change)


def _most(counts: Counter[str]) -> str:
    total = sum(counts.values())
    named = [f"{name} {_percent(count, total)}" for name, count in counts.most_common(_SHOWN)]
    return ", ".join(named + (["…"] if len(counts) > _SHOWN else []))


def _percent(count: int, total: int) -> str:
    share = 100 * count / total
    return f"{share:.0f} %" if share >= 1 else "< 1 %"


def _rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
