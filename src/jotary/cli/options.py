"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file.  [default: jotary.toml, if it is there]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def workers(meaning: str) -> Callable[..., Any]:
    """How many processes serve; `meaning` is its help."""
    return click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help=meaning)


def limit_concurrency(meaning: str) -> Callable[..., Any]:
    """How many connections each process takes; `meaning` is its help."""
    return click.option("--limit-concurrency", type=click.IntRange(1), default=1000, show_default=True, help=meaning)
