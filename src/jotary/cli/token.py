"""`jotary token`: an access token for a script."""

import asyncio

import click

from jotary.cli import options
from jotary.cli.native_login import current_login
from jotary.cli.output import print_json


@click.command()
@options.as_json
def token(*, as_json: bool) -> None:
    """Print a fresh access token of the session, refreshed if it is near its end.

    Any number of processes may ask at the same time. Give it to a program through its standard input or environment,
    and not as an argument, which other people of this machine may see.
    """
    session = asyncio.run(current_login().app().session())
    tokens = session.tokens
    if not as_json:
        click.echo(tokens.access_token.reveal())
        return
    print_json(
        {
            "access_token": tokens.access_token.reveal(),
            "token_type": "Bearer",
            "expires_at": tokens.expires_at,
            "scope": " ".join(tokens.scopes),
            "issuer": session.issuer,
            "client_id": session.client_id,
            "sub": session.subject,
        }
    )
