"""`jotary client update`: a registration that changes, under the rules of a new one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import click

from jotary.cli import options
from jotary.cli.administration import Administration, administer, needs_database
from jotary.cli.client_rows import members, print_client, read_jwks, split_scopes
from jotary.server.flows.administration.create_client import Registered
from jotary.server.flows.administration.update_client import LISTS, Amendment, update_client
from jotary.server.model.client import AuthenticationMethod

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: Option, and what it changes.
_LISTS: Final = {
    "redirect-uri": "redirect_uris",
    "post-logout-redirect-uri": "post_logout_redirect_uris",
    "scope": "scopes",
    "audience": "audiences",
}
_ADD_HELP: Final = {
    "redirect-uri": "Where people may come back to, too; may be repeated.",
    "post-logout-redirect-uri": "Where people may be sent after signing out, too; may be repeated.",
    "scope": "A scope that it may ask for, too; may be repeated.",
    "audience": "An API that it may ask tokens for, too, behind those that it has; the first is the default.",
}


def _add_and_remove(command: _Command) -> _Command:
    """--add-… and --remove-… of every list. Click shows them in the opposite order."""
    for name, field in reversed(_LISTS.items()):
        gone = f"One that it has, and shall have no more; may be repeated. Goes before any --add-{name}."
        command = click.option(f"--remove-{name}", f"remove_{field}", multiple=True, help=gone)(command)
        command = click.option(f"--add-{name}", f"add_{field}", multiple=True, help=_ADD_HELP[name])(command)
    return command


def _refuse(_context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError(
            f"The {parameter.name} of a client stays: its tokens and sessions stand on it."
            " Register another one: jotary client create"
        )


@click.command()
@click.argument("client_id", metavar="ID")
@click.option("--name", help="What people see it called.")
@_add_and_remove
@click.option(
    "--auth-method",
    "method",
    type=click.Choice(get_args(AuthenticationMethod)),
    help="How it authenticates at the token endpoint. A secret that it then needs is shown once.",
)
@click.option("--jwks", type=click.File("rb"), help="Its public keys from now on: a file with a JWK Set.")
@click.option(
    "--first-party/--no-first-party",
    "is_first_party",
    default=None,
    help="Whether it is yours, so that people are not asked for consent.",
)
@click.option("--type", "type", hidden=True, expose_value=False, callback=_refuse, help="Never changes.")
@click.option("--id", "id", hidden=True, expose_value=False, callback=_refuse, help="Never changes.")
@options.config
@options.as_json
def update(client_id: str, config: Path | None, *, as_json: bool, **wishes: Any) -> None:
    """Change the registration of ID, by the rules of `jotary client create`. Running servers go by it at once.

    What is not named stays. Its id and type always stay, and a public client stays public. Its sessions go on; a scope
    or an API that was removed is in none of the tokens that are issued from now on.
    """
    wish = Amendment(
        name=wishes["name"],
        token_endpoint_auth_method=wishes["method"],
        jwks=read_jwks(wishes["jwks"]),
        is_first_party=wishes["is_first_party"],
        add=_lists("add", wishes),
        remove=_lists("remove", wishes),
    )
    if wish == Amendment():
        raise click.UsageError("Say what to change, such as --add-redirect-uri URI.")

    async def work(desk: Administration) -> Registered:
        return await update_client(
            client_id,
            wish,
            store=desk.store,
            audiences=desk.settings.audiences,
            entropy=desk.entropy,
            now=desk.now,
        )

    updated = administer(config, work, check=needs_database)
    print_client(members(updated.client), updated.secret, as_json=as_json)


def _lists(what: str, wishes: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    given = {field: wishes[f"{what}_{field}"] for field in LISTS}
    given["scopes"] = split_scopes(given["scopes"])
    return {field: named for field, named in given.items() if named}
