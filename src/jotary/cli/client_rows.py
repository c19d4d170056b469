"""A client as JSON for programs, and as lines for people."""

from typing import Any, BinaryIO, Final

import click

from jotary.cli.output import moment, print_json, print_record
from jotary.jose import JOSEError, strict_json
from jotary.oauth.secret import Secret
from jotary.server.model.client import Client

_ONCE: Final = "Keep the secret now: it cannot be shown again."


def members(registered: Client) -> dict[str, Any]:
    """The members of a client in JSON, by the names of RFC 7591 §2 where it has one. Others build on these names."""
    shown = {
        "client_id": registered.id,
        "client_name": registered.name,
        "type": registered.type,
        "token_endpoint_auth_method": registered.token_endpoint_auth_method,
        "grant_types": list(registered.grant_types),
        "redirect_uris": list(registered.redirect_uris),
        "post_logout_redirect_uris": list(registered.post_logout_redirect_uris),
        "scope": " ".join(registered.scopes),
        "audiences": list(registered.audiences),
        "first_party": registered.is_first_party,
        "client_id_issued_at": registered.created_at,
    }
    return {**shown, "jwks": registered.jwks} if registered.jwks else shown


def print_client(shown: dict[str, Any], secret: Secret | None = None, *, as_json: bool) -> None:
    """Print these members, and a secret if there is a new one, with a word about it."""
    if secret is not None:
        shown = {**shown, "client_secret": secret.reveal()}
    if as_json:
        print_json(shown)
        return
    lines = {name: value for name, value in shown.items() if name != "jwks"}
    print_record({name: moment(value) if name == "client_id_issued_at" else value for name, value in lines.items()})
    if secret is not None:
        click.echo(_ONCE)


def read_jwks(file: BinaryIO | None) -> dict[str, Any] | None:
    """The JWK Set in the file that --jwks names, whose keys are looked at later.

    Raises:
        ClickException: it holds no JSON object.
    """
    if file is None:
        return None
    try:
        return strict_json.loads_object(file.read())
    except JOSEError as error:
        raise click.ClickException(f"{file.name} holds no keys: {error.hint}.") from None


def split_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """`--scope 'a b'` is `--scope a --scope b`."""
    return tuple(dict.fromkeys(scope for text in scopes for scope in text.split()))
