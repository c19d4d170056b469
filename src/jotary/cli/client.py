"""`jotary client`: the applications that ask for tokens."""

from pathlib import Path
from typing import Any, get_args

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer, needs_database
from jotary.cli.client_rows import members, print_client, read_jwks, split_scopes
from jotary.cli.client_update import update
from jotary.cli.output import print_json, print_rows
from jotary.oauth.secret import Secret
from jotary.server.flows.administration.client_secret import find_client, rotate_client_secret
from jotary.server.flows.administration.create_client import (
    NewClient,
    Registered,
    check_new_client,
    create_client,
)
from jotary.server.flows.administration.delete_client import delete_client
from jotary.server.model.client import AuthenticationMethod, Client, ClientType


@click.group()
def client() -> None:
    """Register the applications that ask for tokens."""


client.add_command(update)


@client.command()
@click.argument("client_id", metavar="ID")
@click.option(
    "--type",
    "client_type",
    type=click.Choice(get_args(ClientType)),
    required=True,
    help="web: runs on a server; native: on a person's machine or phone; service: has no people.",
)
@click.option("--name", help="What people see it called.  [default: ID]")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="Where people come back to; may be repeated.")
@click.option(
    "--post-logout-redirect-uri",
    "post_logout_redirect_uris",
    multiple=True,
    help="Where people may be sent after signing out; may be repeated.",
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="A scope that it may ask for, besides openid, profile and email where people sign in; may be repeated.",
)
@click.option(
    "--audience",
    "audiences",
    multiple=True,
    help="An API that it may ask tokens for, by URI; the first is the default.",
)
@click.option(
    "--auth-method",
    "method",
    type=click.Choice(get_args(AuthenticationMethod)),
    help="How it authenticates at the token endpoint.  [default: client_secret_basic; native: none]",
)
@click.option("--jwks", type=click.File("rb"), help="Its public keys, for private_key_jwt: a file with a JWK Set.")
@click.option("--first-party", "is_first_party", is_flag=True, help="It is yours: people are not asked for consent.")
@options.config
@options.as_json
def create(client_id: str, config: Path | None, *, as_json: bool, **wishes: Any) -> None:
    """Register an application under ID. Its secret, if it has one, is shown once."""
    new = NewClient(
        id=client_id,
        type=wishes["client_type"],
        name=wishes["name"],
        token_endpoint_auth_method=wishes["method"],
        jwks=read_jwks(wishes["jwks"]),
        redirect_uris=wishes["redirect_uris"],
        post_logout_redirect_uris=wishes["post_logout_redirect_uris"],
        scopes=split_scopes(wishes["scopes"]),
        audiences=wishes["audiences"],
        is_first_party=wishes["is_first_party"],
    )

    async def work(desk: Administration) -> Registered:
        return await create_client(
            new, store=desk.store, audiences=desk.settings.audiences, entropy=desk.entropy, now=desk.now
        )

    registered = administer(config, work, check=lambda settings: check_new_client(new, settings.audiences))
    print_client(members(registered.client), registered.secret, as_json=as_json)


@client.command("list")
@options.config
@options.as_json
def list_clients(config: Path | None, *, as_json: bool) -> None:
    """List the clients."""

    async def work(desk: Administration) -> list[Client]:
        return list(await desk.store.clients())

    rows = [members(each) for each in administer(config, work)]
    if as_json:
        print_json(rows)
    else:
        columns = ["client_id", "type", "client_name", "token_endpoint_auth_method", "audiences"]
        print_rows(rows, columns, nothing="There is no client yet.")


@client.command()
@click.argument("client_id", metavar="ID")
@options.config
@options.as_json
def show(client_id: str, config: Path | None, *, as_json: bool) -> None:
    """Show what a client may do. Its secret is not kept, so it cannot be shown."""

    async def work(desk: Administration) -> Client:
        return await find_client(client_id, desk.store)

    print_client(members(administer(config, work, check=needs_database)), as_json=as_json)


@client.command("rotate-secret")
@click.argument("client_id", metavar="ID")
@options.config
@options.as_json
def rotate_secret(client_id: str, config: Path | None, *, as_json: bool) -> None:
    """Give a client another secret; the old one is worth nothing at once."""

    async def work(desk: Administration) -> Secret:
        return await rotate_client_secret(client_id, store=desk.store, entropy=desk.entropy, now=desk.now)

    print_client({"client_id": client_id}, administer(config, work, check=needs_database), as_json=as_json)


@client.command()
@click.argument("client_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.config
def delete(client_id: str, config: Path | None, *, yes: bool) -> None:
    """Delete a client with its sessions and what people have allowed it; its tokens end at once."""
    if not yes:
        click.confirm(f"Delete the client {client_id} for good?", abort=True, err=True)

    async def work(desk: Administration) -> Client:
        return await delete_client(client_id, store=desk.store, now=desk.now, settings=desk.settings)

    click.echo(f"Deleted the client {administer(config, work, check=needs_database).id}.")
