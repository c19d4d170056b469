"""What was fired, what was answered, which check is missing, and how to mend it."""

from typing import Literal

import msgspec

from jotary.testing.attacks.attack import Attack
from jotary.testing.exchange import CLOSED, Answer
from jotary.testing.mending import MENDING

#: `accepted`: let in; `broke`: 5xx or no answer at all; `fetched`: the API fetched a URL that the token named;
#: `status`: refused, but not with the status that the standard wants.
Problem = Literal["accepted", "broke", "fetched", "status"]

_SUCCESS = range(200, 300)
_EXCERPT = 200  # characters


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """An attack that was not refused as it must be.

    Attributes:
        attack: what was sent.
        answer: what came back.
        problem: what is wrong with that.
        check: the check that is missing: the attack's own, or one that it supposes.
    """

    attack: Attack
    answer: Answer
    problem: Problem
    check: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.attack.name}: {_WORDS[self.problem]} {said(self.answer)} ({self.attack.standard})"


_WORDS = {
    "accepted": "let in with",
    "broke": "broke the API:",
    "fetched": "made the API fetch a URL that the token named, and then was answered",
    "status": "refused, but with",
}


class AttackReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of all attacks on one route.

    Attributes:
        control: the answer to a good token, before the attacks; and after them, if it was not taken any more.
        fired: every attack that was sent. None at all if the first good token was not taken.
        findings: those that were not refused as they must be, in the same order.
    """

    control: Answer
    fired: tuple[Attack, ...]
    findings: tuple[Finding, ...]

    @property
    def is_set_up(self) -> bool:
        """Whether good tokens were taken; if not, no refusal proves anything."""
        return is_success(self.control)

    @property
    def is_clean(self) -> bool:
        """Whether good tokens were taken and everything else was refused as it must be."""
        return self.is_set_up and not self.findings

    @property
    def missing_checks(self) -> tuple[str, ...]:
        """The checks that let something in, each once, in the order of the attacks."""
        return tuple(dict.fromkeys(one.check for one in self.findings if one.problem in {"accepted", "fetched"}))

    def __str__(self) -> str:
        """The whole report, as text."""
        if not self.is_set_up:
            return _set_up_is_wrong(self.control, len(self.fired))
        if self.is_clean:
            return f"{len(self.fired)} forged requests, all refused as they must be."
        lines = [f"{len(self.findings)} of {len(self.fired)} forged requests were not refused as they must be."]
        for check in dict.fromkeys(one.check for one in self.findings):
            here = [one for one in self.findings if one.check == check]
            title = "missing check" if check in self.missing_checks else "faulty check"
            lines += ["", f"{title}: {check}", *(f"  - {one}" for one in here)]
            if check in MENDING:  # which an attack of the user's own is not
                lines.append(f"  mend: {MENDING[check]}.")
        return "\n".join(lines)

    def raise_for_findings(self) -> None:
        """Do nothing if it is clean.

        Raises:
            AssertionError: with the report.
        """
        if not self.is_clean:
            raise AssertionError(str(self))


def problem_of(attack: Attack, answer: Answer, *, is_strict: bool, was_visited: bool) -> Problem | None:
    """Judge an answer. Pure.

    Args:
        attack: what was sent.
        answer: what came back.
        is_strict: whether the status must be one that the standard wants; any refusal will do otherwise.
        was_visited: whether the API fetched something from the attacker's server.
    """
    if is_success(answer):
        return "accepted"
    if was_visited:
        return "fetched"
    expected = answer.status in attack.refused_with
    if answer.status >= 500 or (answer.status == CLOSED and not expected):  # noqa: PLR2004 -- server errors
        return "broke"
    return "status" if is_strict and not expected else None


def is_success(answer: Answer) -> bool:
    """Whether it is a 2xx."""
    return answer.status in _SUCCESS


def said(answer: Answer) -> str:
    """The status and, if there is any, the reason."""
    status = "no answer" if answer.status == CLOSED else str(answer.status)
    return f"{status}, {answer.detail}" if answer.detail else status


def _set_up_is_wrong(control: Answer, fired: int) -> str:
    when = f"after {fired} attacks" if fired else "so nothing was fired"
    lines = [f"The set-up is wrong: a good token was answered {said(control)}, {when}."]
    if "www-authenticate" in control.headers:
        lines.append(f"  WWW-Authenticate: {control.headers['www-authenticate']}")
    if control.body:
        lines.append(f"  body: {control.body.decode('utf-8', 'replace')[:_EXCERPT]}")
    lines.append(
        "  Does the API take the keys, the issuer and the audience of the test issuer, at its time? "
        "Are scopes, claims, method and path what the route asks for?"
    )
    return "\n".join(lines)
