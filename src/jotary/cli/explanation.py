"""An explanation, for people and for programs."""

import shutil
import textwrap
from typing import Any, Final

import click
import msgspec

from jotary.verifier.explain import CheckResult, Explanation
from jotary.verifier.explain.record import EARLIER

_LEAST_WIDTH: Final = 40
_GREATEST_WIDTH: Final = 110
_INDENT: Final = 8
_MARKS: Final = {"passed": ("ok", "green"), "failed": ("FAIL", "red"), "skipped": ("skip", "yellow")}
_UNSIGNED: Final = "The signature was not verified: anybody may have written what follows."


def members(explanation: Explanation) -> dict[str, Any]:
    """The members of an explanation in JSON. Others build on these names."""
    refused_by = explanation.refused_by
    return {
        "verdict": explanation.verdict,
        "refused_by": None if refused_by is None else refused_by.name,
        "signature_holds": explanation.signature_holds,
        "kind": msgspec.to_builtins(explanation.kind),
        "provider": None if explanation.provider is None else msgspec.to_builtins(explanation.provider),
        "checks": [msgspec.to_builtins(check) for check in explanation.checks],
    }


def print_explanation(explanation: Explanation) -> None:
    """Print the verdict, what the text looks like, and every check."""
    width = min(max(shutil.get_terminal_size().columns, _LEAST_WIDTH), _GREATEST_WIDTH)
    _print_verdict(explanation, width)
    kind, provider = explanation.kind, explanation.provider
    click.echo()
    _print_wrapped(kind.description, width, colour="red" if kind.is_secret else None)
    if provider is not None:
        _print_wrapped(f"Probably of {provider.name}, by {provider.because}. {provider.note}", width)
    if not explanation.signature_holds:
        _print_wrapped(_UNSIGNED, width, colour="yellow")
    click.echo()
    name_width = max(len(check.name) for check in explanation.checks)
    for check in explanation.checks:
        _print_check(check, name_width, width)


def _print_verdict(explanation: Explanation, width: int) -> None:
    refused_by = explanation.refused_by
    if refused_by is not None:
        _print_wrapped(f"Refused, by {refused_by.name}: {refused_by.change}", width, colour="red")
    elif explanation.verdict == "accepted":
        _print_wrapped("Accepted.", width, colour="green")
    else:
        skipped = ", ".join(check.name for check in explanation.checks if check.verdict == "skipped")
        _print_wrapped(f"Undecided: nothing is wrong so far, but not decided: {skipped}.", width, colour="yellow")


def _print_check(check: CheckResult, name_width: int, width: int) -> None:
    word, colour = _MARKS[check.verdict]
    mark = click.style(word.ljust(4), fg=colour)
    if check.verdict == "passed" or check.change == EARLIER:
        start = f"{check.name.ljust(name_width)}  "
        said = check.found if check.verdict == "passed" else check.change
        lines = _wrapped(f"{start}{said or ''}".rstrip(), width - 6, indent=len(start))
        click.echo(f"{mark}  {lines[0]}")
        for line in lines[1:]:
            click.echo(f"      {line}")
        return
    click.echo(f"{mark}  {check.name}")
    rows = {"expected": check.expected, "found": check.found, "standard": check.standard, "change": check.change}
    for name, value in rows.items():
        if value is not None:
            start = f"{name.ljust(_INDENT)}  "
            for line in _wrapped(start + value, width - _INDENT, indent=len(start)):
                click.echo(" " * _INDENT + line)


def _print_wrapped(text: str, width: int, *, colour: str | None = None) -> None:
    for line in _wrapped(text, width, indent=0):
        click.echo(click.style(line, fg=colour) if colour else line)


def _wrapped(text: str, width: int, *, indent: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]
