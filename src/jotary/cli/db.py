"""`jotary db`: the schema of the database."""

import sys
from pathlib import Path
from typing import Any, Final

import click

from jotary.cli import options
from jotary.cli.administration import draft_settings, late_enrolment
from jotary.cli.output import print_json, print_record
from jotary.server.settings.database import without_password
from jotary.server.store.migrations import HEAD, Standing, current, standing_of, upgrade

_WRONG: Final[dict[Standing, str]] = {
    "missing": "There is no schema yet. Make it with: jotary db upgrade",
    "behind": "The schema is behind this version of jotary. Bring it up with: jotary db upgrade",
    "ahead": "A newer version of jotary wrote this database. Start that version, or restore a backup.",
}


@click.group()
def db() -> None:
    """Make, upgrade and check the database's schema. Every start of the server upgrades it, if it may."""


@db.command("upgrade")
@options.config
@options.as_json
def upgrade_schema(config: Path | None, *, as_json: bool) -> None:
    """Make the schema, or bring it up to this version of jotary. Running it again changes nothing."""
    url = draft_settings(config).database
    upgrade(url, enrol=late_enrolment(config))
    _print(_described(url), as_json=as_json)


@db.command("current")
@options.config
@options.as_json
def show_current(config: Path | None, *, as_json: bool) -> None:
    """Show where the schema stands."""
    _print(_described(draft_settings(config).database), as_json=as_json)


@db.command("check")
@options.config
@options.as_json
def check_schema(config: Path | None, *, as_json: bool) -> None:
    """Fail unless the schema is the one that this version of jotary works with. Nothing is changed."""
    described = _described(draft_settings(config).database)
    _print(described, as_json=as_json)
    wrong = _WRONG.get(described["schema"])
    if wrong is not None:
        click.echo(f"Error: {wrong}", err=True)
        sys.exit(1)


def _print(described: dict[str, Any], *, as_json: bool) -> None:
    (print_json if as_json else print_record)(described)


def _described(url: str) -> dict[str, Any]:
    """The members in JSON. Others build on these names."""
    revision = current(url)
    return {
        "database": without_password(url),
        "schema": standing_of(revision),
        "revision": revision,
        "needed": HEAD,
    }
