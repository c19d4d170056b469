"""What an explanation says."""

from typing import Literal

import msgspec

from jotary.verifier.explain.kinds import Kind
from jotary.verifier.explain.providers import Provider

Verdict = Literal["passed", "failed", "skipped"]


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """One check. Every text is printable ASCII but for our own words, whatever stands in the token.

    Attributes:
        name: of `standards.CHECKS`.
        standard: where the rule stands.
        expected: what would pass.
        found: what the token has instead, or as well; None where that cannot be told, or must not be shown.
        verdict: `skipped` where it could not be decided.
        change: what to do about a check that failed or was skipped; None for one that passed.
    """

    name: str
    standard: str
    expected: str
    found: str | None
    verdict: Verdict
    change: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Every check, in the order in which the verifier makes them. Nothing takes this for a verified token.

    Attributes:
        verdict: what a verifier with these expectations does; `undecided` where it would need more of them.
        kind: what the text looks like.
        provider: who probably issued it: a hint that anybody can forge.
        signature_holds: whether the claims were signed by one of the keys. If not, anybody may have written them.
        checks: all of `standards.CHECKS`.
    """

    verdict: Literal["accepted", "refused", "undecided"]
    kind: Kind
    provider: Provider | None
    signature_holds: bool
    checks: tuple[CheckResult, ...]

    @property
    def refused_by(self) -> CheckResult | None:
        """The first check that failed, which is the one that the verifier names."""
        return next((check for check in self.checks if check.verdict == "failed"), None)
