"""`jotary doctor`: what is wrong with this deployment, and how to mend it."""

import dataclasses
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from jotary.cli import options
from jotary.cli.administration import load_settings
from jotary.cli.complaint import explain
from jotary.cli.diagnosis.finding import Finding, fail, ok
from jotary.cli.output import print_json
from jotary.server.settings import Loaded

_LEAST_WIDTH: Final = 40
_GREATEST_WIDTH: Final = 110
_MARKS: Final = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
_NAME: Final = 18  # characters
_INDENT: Final = 6 + _NAME


@click.command()
@options.limit_concurrency("What `jotary serve` is started with.")
@options.workers("What `jotary serve` is started with.")
@options.config
@options.as_json
def doctor(config: Path | None, *, limit_concurrency: int, workers: int, as_json: bool) -> None:
    """Say what is wrong with this deployment, and how to mend it. Exit code 1 if anything fails.

    Run it where the server runs, as its user and with its settings, whether it is running or not: nothing is changed.
    """
    findings: list[Finding] = []
    for finding in _findings(config, limit_concurrency, workers):
        findings.append(finding)
        if not as_json:
            _print(finding)
    failed = sum(finding.verdict == "fail" for finding in findings)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        warned = sum(finding.verdict == "warn" for finding in findings)
        click.echo(f"\n{len(findings)} looked at: {failed} to mend, {warned} to know about.")
    sys.exit(1 if failed else 0)


def _findings(config: Path | None, limit_concurrency: int, workers: int) -> Iterator[Finding]:
    try:
        loaded = load_settings(config, may_make_secret=False)
    except Exception as error:  # noqa: BLE001 -- whatever keeps a server from starting is what is looked for
        problem, hint = explain(error)
        yield fail("settings", problem, hint or "Mend the file that it names, or make one: jotary init")
        return
    yield ok("settings", _origin(loaded))
    try:
        from jotary.cli.diagnosis import diagnose  # noqa: PLC0415 -- a library may be missing or broken
        from jotary.cli.diagnosis.deployment import Deployment  # noqa: PLC0415 -- the same
    except ImportError as error:
        problem, hint = explain(error)
        yield fail("libraries", problem, hint or "pip install --force-reinstall 'jotary[server]'")
        return
    yield from diagnose(Deployment(loaded, int(time.time()), limit_concurrency, workers))


def _origin(loaded: Loaded) -> str:
    return str(loaded.config_file) if loaded.config_file else "defaults and the environment"


def _print(finding: Finding) -> None:
    """A line, or several, with what was found; and below, what to do."""
    width = min(max(shutil.get_terminal_size().columns, _LEAST_WIDTH), _GREATEST_WIDTH) - _INDENT
    word, colour = _MARKS[finding.verdict]
    name = finding.name if len(finding.name) < _NAME else f"{finding.name}: "
    first, *others = _wrapped(finding.found, width - max(0, len(name) - _NAME))
    click.echo(f"{click.style(word.ljust(4), fg=colour)}  {name.ljust(_NAME)}{first}")
    for line in others:
        click.echo(" " * _INDENT + line)
    for line in _wrapped(finding.mend, width - 2) if finding.mend else ():
        click.echo(" " * _INDENT + click.style("| ", fg=colour) + line)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
