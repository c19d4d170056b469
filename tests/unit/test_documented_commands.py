"""The commands in the documentation are commands of the program, with options that it has."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from jotary.cli.group import jotary

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (ROOT / "docs").glob("**/*.md")
)
COMMAND = re.compile(r"^\s*\$ (jotary .*)$|`(jotary [a-z][^`]*)`|&& (jotary [^`\n]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z]+):.*## ", re.MULTILINE)
MAKE = re.compile(r"(?:\$ |`)make ([a-z]+)")


def commands(text: str) -> Iterator[list[str]]:
    """The words after `jotary` of each command that is typed in a console block or named in a sentence."""
    for match in COMMAND.finditer(text.replace("\\\n", " ")):
        line = next(group for group in match.groups() if group)
        yield shlex.split(line, comments=True)[1:]


def check(words: list[str]) -> None:
    """Find the command, and let its own parser read the options; nothing is run."""
    command: click.Command = jotary
    context = click.Context(command)
    while isinstance(command, click.Group) and words:
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, parent=context)
    command.make_parser(context).parse_args(list(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_documented_command_exists(page: Path) -> None:
    """What a reader types must not be answered with `No such command` or `No such option`."""
    for words in commands(page.read_text(encoding="utf-8")):
        check(words)


def test_a_documented_make_target_exists() -> None:
    """The same for `make`."""
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    named = {name for page in PAGES for name in MAKE.findall(page.read_text(encoding="utf-8"))}
    assert {"demo", "test", "check"} <= named
    assert named <= targets


@pytest.mark.parametrize("text", ["$ jotary usher", "see `jotary user invent`", "$ jotary serve --colour red"])
def test_a_command_that_is_not_there_is_found(text: str) -> None:
    """The rule above, shown what it must find."""
    (words,) = commands(text)
    with pytest.raises(click.UsageError):
        check(words)


def test_a_command_over_several_lines_is_read_whole() -> None:
    """As a shell would read it."""
    assert list(commands("$ jotary user create \\\n    ada@example.com  # asks for a password")) == [
        ["user", "create", "ada@example.com"]
    ]
