"""Collecting the results: a check that nobody came to was skipped."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from jotary.jose import JOSEError
from jotary.tokens.errors import TokenError
from jotary.verifier.errors import InvalidToken
from jotary.verifier.explain.display import sentence
from jotary.verifier.explain.results import CheckResult, Verdict
from jotary.verifier.explain.standards import Check

T = TypeVar("T")

#: What the functions raise that also the verifier runs.
REFUSALS: Final = (JOSEError, TokenError, InvalidToken)
#: Of a check that nobody came to.
EARLIER: Final = "An earlier check has to pass first."


class Record:
    """The results so far.

    Args:
        rows: the checks that there are, in their order.
    """

    def __init__(self, rows: Mapping[str, Check]) -> None:
        self._rows = rows
        self._results: dict[str, CheckResult] = {}

    def run(
        self, name: str, check: Callable[[], T], *, found: str | None = None, expected: str | None = None
    ) -> T | None:
        """Make a check with the verifier's own function; returns what that returns, or None if it refuses."""
        try:
            value = check()
        except REFUSALS as error:
            self.refuse(name, error.hint, found=found, expected=expected)
            return None
        self.accept(name, found=found, expected=expected)
        return value

    def accept(self, name: str, *, found: str | None = None, expected: str | None = None) -> None:
        """The check passed."""
        self._note(name, "passed", found, expected, None)

    def refuse(self, name: str, hint: str, *, found: str | None = None, expected: str | None = None) -> None:
        """The check failed; the hint is the verifier's own."""
        self._note(name, "failed", found, expected, f"{sentence(hint)} {self._rows[name].advice}".rstrip())

    def fail(self, name: str, reason: str, *, found: str | None = None) -> None:
        """The check failed for a reason that is none of the token's, so that no advice about the token helps."""
        self._note(name, "failed", found, None, sentence(reason))

    def skip(self, name: str, change: str, *, found: str | None = None, expected: str | None = None) -> None:
        """The check cannot be decided; `change` says what it would take."""
        self._note(name, "skipped", found, expected, change)

    def passed(self, *names: str) -> bool:
        """Whether all of these have passed."""
        return all(name in self._results and self._results[name].verdict == "passed" for name in names)

    def results(self) -> tuple[CheckResult, ...]:
        """One for every check, in their order."""
        for name in self._rows:
            if name not in self._results:
                self.skip(name, EARLIER)
        return tuple(self._results[name] for name in self._rows)

    def _note(self, name: str, verdict: Verdict, found: str | None, expected: str | None, change: str | None) -> None:
        row = self._rows[name]
        self._results[name] = CheckResult(
            name=name,
            standard=row.standard,
            expected=row.expected if expected is None else expected,
            found=found,
            verdict=verdict,
            change=change,
        )
