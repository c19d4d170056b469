"""docs/cli.md says what the commands say of themselves.

After a change of them, write the page again: `python tests/unit/cli/test_documentation.py`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from jotary.cli.group import jotary

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"
START = "\n## `jotary "  # what stands before the first command is written by hand


def commands(command: click.Command = jotary, parent: click.Context | None = None) -> Iterator[click.Context]:
    """Every command that does something, with its whole name."""
    context = click.Context(command, parent=parent, info_name=command.name)
    if not isinstance(command, click.Group):
        yield context
        return
    for name in command.list_commands(context):
        _, inner, _ = command.resolve_command(context, [name])
        assert inner is not None
        yield from commands(inner, context)


def described(context: click.Context) -> str:
    """One command in Markdown: usage, help, options."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    help_text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    options = "\n\n".join(f"`{record[0]}`\n: {_plain(record[1])}" for record in records if record is not None)
    return "\n\n".join([f"## `{context.command_path}`", f"```text\n{usage}\n```", help_text, options])


def _plain(text: str) -> str:
    """Help in Markdown, in which brackets would be links."""
    return " ".join(text.split()).replace("[", "\\[").replace("]", "\\]")


ALL = list(commands())


@pytest.mark.parametrize("context", ALL, ids=lambda context: context.command_path)
def test_every_command_is_documented_as_it_is(context: click.Context) -> None:
    """Usage, help and every option."""
    assert described(context) in PAGE.read_text(encoding="utf-8")


def test_no_other_command_is_documented() -> None:
    """One that went must go from the page."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(START) == len(ALL)


if __name__ == "__main__":
    by_hand = PAGE.read_text(encoding="utf-8").partition(START)[0].rstrip("\n")
    PAGE.write_text("\n\n".join([by_hand, *(described(context) for context in ALL)]) + "\n", encoding="utf-8")
    sys.stdout.write(f"Wrote {PAGE}\n")
