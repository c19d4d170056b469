"""Options that several commands have."""

from pathlib import Path

import click

config = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file.  [default: jotary.toml, if it is there]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
