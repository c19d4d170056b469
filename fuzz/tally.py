"""What a run counts, and what it found."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

LIMIT = 0.05  # seconds that one token may take


class Finding(NamedTuple):
    """Something that must not be.

    Attributes:
        what: accepted, refused, crashed, slow, or a peer that disagrees; with the reason.
        scene: where.
        mutation: what was done to the token.
        token: in full.
        is_signed: whether the issuer signed what its signature covers, which no key can tell afterwards.
    """

    what: str
    scene: str
    mutation: str
    token: str
    is_signed: bool = False


class Slow(NamedTuple):
    """How long a token took, in seconds, and what it was."""

    seconds: float = 0.0
    mutation: str = ""
    size: int = 0


@dataclass
class Tally:
    """The counts of one run, or of a part of it.

    Attributes:
        hostile: tokens that must be refused, and were fired.
        legitimate: tokens that a mutation left good, which had to be taken.
        undecided: tokens for a provider whose content breaks no rule that is known for every issuer.
        refused: by mutation, how many were refused by which check.
        targets: how many tokens each target got.
        explained: differences from other libraries, by their reason.
        slowest: of all tokens.
        findings: what must not be.
    """

    hostile: int = 0
    legitimate: Counter[str] = field(default_factory=Counter)
    undecided: int = 0
    refused: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    targets: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    slowest: Slow = field(default_factory=Slow)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count what another part of the run has counted."""
        self.hostile += other.hostile
        self.undecided += other.undecided
        for name, counts in other.refused.items():
            self.refused[name].update(counts)
        for mine, theirs in (
            (self.legitimate, other.legitimate),
            (self.targets, other.targets),
            (self.explained, other.explained),
        ):
            mine.update(theirs)
        self.slowest = max(self.slowest, other.slowest)
        self.findings += other.findings

    def without_factories(self) -> "Tally":
        """The same, fit to be sent to another process."""
        return Tally(**{**vars(self), "refused": dict(self.refused)})
