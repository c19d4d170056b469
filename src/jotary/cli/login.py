"""`jotary login`: sign in at any issuer, as a native client."""

import asyncio
import webbrowser
from typing import get_args

import click

from jotary.cli.native_login import Login, StoreKind, ask_passphrase, find_login, forget, remember
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
    present = find_login()
    _refuse_another(chosen, present)
    # Asked for now, and not when the person is back from the browser; and twice, since a session that is there already
    # is replaced unopened.
    passphrase = ask_passphrase(new=True) if store == "file" else Secret("")
    app = NativeApp(
        issuer=issuer,
        client_id=client_id,
        store=chosen.token_store(passphrase),
        scopes=tuple(dict.fromkeys(["openid", *(scopes or ("profile", "email"))])),
        resources=resources,
    )
    remember(chosen)  # before there are tokens: those that no record names would be neither used nor ended
    try:
        session = asyncio.run(app.login(show=_tell if no_browser else _open))
    except BaseException:
        if present is None:
            forget()
        raise
    click.echo(f"Signed in at {issuer} as {session.subject}.")


def _refuse_another(chosen: Login, present: Login | None) -> None:
    """A second login would leave the tokens of the first one behind, where nobody looks for them."""
    if present is not None and present != chosen:
        raise click.ClickException(
            f"You are signed in at {present.issuer} with the client {present.client_id} ({present.store}). "
            "Sign out first: jotary logout"
        )


def _open(url: str) -> None:
    """The address is told in any case: what opens browsers mostly succeeds, also where none appears."""
    click.echo("Your browser opens; sign in there. If it does not:", err=True)
    _tell(url)
    webbrowser.open(url)


def _tell(url: str) -> None:
    click.echo(f"Open this address in a browser on this machine:\n\n{url}\n", err=True)
