"""`jotary login`: sign in at any issuer, as a native client."""

import asyncio
import webbrowser
from typing import get_args

import click

from jotary.cli.native_login import Login, StoreKind, ask_passphrase, find_login, remember, sealed_file
from jotary.client.native import NativeApp
from jotary.oauth.secret import Secret


@click.command()
@click.option("--issuer", required=True, help="The sign-in service, such as https://id.example.com.")
@click.option(
    "--client-id", required=True, help="A native client there with the redirect URI http://127.0.0.1/callback."
)
@click.option("--scope", "scopes", multiple=True, help="What to ask for besides openid; repeat it for more.")
@click.option("--resource", "resources", multiple=True, help="The API that the token is for (RFC 8707).")
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it in a browser.")
@click.option(
    "--store",
    type=click.Choice(get_args(StoreKind)),
    default="keychain",
    show_default=True,
    help="Where the tokens are kept: the system's keychain, or a file sealed with a passphrase.",
)
def login(
    issuer: str,
    client_id: str,
    *,
    scopes: tuple[str, ...],
    resources: tuple[str, ...],
    no_browser: bool,
    store: StoreKind,
) -> None:
    """Sign in at an issuer through the browser on this machine, and keep the session in the keychain.

    The encrypted file is for machines without a keychain. Its passphrase is asked for, or read from the variable
    JOTARY_PASSPHRASE.
    """
    chosen = Login(issuer, client_id, store)
    _refuse_another(chosen)
    # Asked for now, and not when the person is back from the browser.
    passphrase = ask_passphrase(new=not sealed_file().exists()) if store == "file" else Secret("")
    app = NativeApp(
        issuer=issuer,
        client_id=client_id,
        store=chosen.token_store(lambda: passphrase),
        scopes=tuple(dict.fromkeys(["openid", *(scopes or ("profile", "email"))])),
        resources=resources,
    )
    session = asyncio.run(app.login(show=_tell if no_browser else _open))
    remember(chosen)
    click.echo(f"Signed in at {issuer} as {session.subject}.")


def _refuse_another(chosen: Login) -> None:
    """A second login would leave the tokens of the first one behind, where nobody looks for them."""
    present = find_login()
    if present is not None and present != chosen:
        raise click.ClickException(
            f"You are signed in at {present.issuer} with the client {present.client_id} ({present.store}). "
            "Sign out first: jotary logout"
        )


def _open(url: str) -> None:
    click.echo("Your browser opens; sign in there.", err=True)
    if not webbrowser.open(url):
        _tell(url)


def _tell(url: str) -> None:
    click.echo(f"Open this address in a browser on this machine:\n\n{url}\n", err=True)
