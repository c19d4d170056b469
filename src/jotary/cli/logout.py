"""`jotary logout`: end the session at the issuer and here."""

import asyncio

import click

from jotary.cli.native_login import current_login, forget
from jotary.client.native import NotSignedInError


@click.command()
def logout() -> None:
    """End the session at the issuer, and delete its tokens here.

    Where the issuer cannot be reached the tokens are deleted all the same, and a warning says so.
    """
    login = current_login()
    try:
        ended = asyncio.run(login.app().logout())
    except NotSignedInError:  # the issuer ended it before
        ended = True
    forget()
    click.echo("Signed out.")
    if not ended:
        click.echo(
            f"Warning: {login.issuer} could not be told. The session lives on there until it ends by itself.", err=True
        )
