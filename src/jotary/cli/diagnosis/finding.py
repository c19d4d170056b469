"""What a check of a deployment found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis.

    Attributes:
        name: of what was looked at, the same in every run. Others build on it.
        verdict: `fail` is broken or unsafe, `warn` will be, or may be meant so.
        found: what is so.
        mend: the command or setting that changes it; None where all is well.
    """

    name: str
    verdict: Verdict
    found: str
    mend: str | None = None


def ok(name: str, found: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", found)


def warn(name: str, found: str, mend: str) -> Finding:
    """It works, and somebody should know."""
    return Finding(name, "warn", found, mend)


def fail(name: str, found: str, mend: str) -> Finding:
    """It is broken or unsafe."""
    return Finding(name, "fail", found, mend)


def judge(name: str, found: str, *, is_well: bool, mend: str, otherwise: Callable[[str, str, str], Finding]) -> Finding:
    """All is well, or `otherwise` (`warn` or `fail`) with the mend."""
    return ok(name, found) if is_well else otherwise(name, found, mend)


Findings = Iterator[Finding]
