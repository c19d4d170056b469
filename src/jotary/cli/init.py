"""`jotary init`: something to begin with."""

from pathlib import Path

import click

from jotary.server.settings import SettingsError
from jotary.server.settings.issuer import check_issuer
from jotary.server.settings.reference import commented_file
from jotary.server.settings.secret_source import FILE_NAME, create_secret
from jotary.server.settings.sources import DEFAULT_FILE


@click.command()
@click.option("--issuer", help="The URL that clients and APIs will know the server by.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_FILE,
    show_default=True,
    help="The configuration file to write.",
)
def init(issuer: str | None, config: Path) -> None:
    """Write a jotary.toml with every setting explained, and a secret beside it. Nothing is overwritten."""
    if issuer is not None:
        check_issuer(issuer)
    try:
        file = config.open("x", encoding="utf-8")
    except FileExistsError:
        raise SettingsError(
            "is there already", hint="Remove it first, or name another --config.", origin=str(config)
        ) from None
    try:
        with file:
            file.write(commented_file(issuer=issuer, secret_file=FILE_NAME))
    except OSError:  # half of it would be there already the next time
        config.unlink()
        raise
    click.echo(f"Wrote {config}.")
    secret = config.parent / FILE_NAME
    if create_secret(secret):
        click.echo(f"Wrote {secret}. Keep it, and back it up with the database: without it the signing keys are lost.")
    else:
        click.echo(f"Kept {secret}, which was there.")
    click.echo("Next: jotary serve")
