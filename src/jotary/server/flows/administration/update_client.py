"""Changing a registered client: what comes of it must be what could be registered."""

from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec

from jotary.jose import KeySet
from jotary.server.flows.administration.client_secret import SECRET_ENTROPY, ClientStore, find_client, has_secret
from jotary.server.flows.administration.client_type import CLIENT_TYPES
from jotary.server.flows.administration.create_client import NewClient, Registered
from jotary.server.flows.administration.create_client import decide as register
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.client_authentication import is_public
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, ReplaceClient
from jotary.server.model.client import AuthenticationMethod, Client
from jotary.server.model.event import Event
from jotary.server.ports import Entropy

#: The lists of a client that may change, and what one of their members is called.
LISTS: Final = {
    "redirect_uris": "redirect URI",
    "post_logout_redirect_uris": "post-logout redirect URI",
    "scopes": "scope",
    "audiences": "audience",
}
_SHOWN: Final = ("name", "token_endpoint_auth_method", *LISTS, "is_first_party")


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """What is wished for; what is None stays.

    Attributes:
        add, remove: members of the lists named in `LISTS`. What is removed goes first, so that removing and adding the
            same member moves it to the end.
    """

    name: str | None = None
    token_endpoint_auth_method: AuthenticationMethod | None = None
    jwks: dict[str, Any] | None = None
    is_first_party: bool | None = None
    add: dict[str, tuple[str, ...]] = {}
    remove: dict[str, tuple[str, ...]] = {}


def decide(client: Client, wish: Amendment, *, audiences: Collection[str], entropy: bytes) -> Registered:
    """Every rule of changing a client, in order; then the client, with a secret if it has a new one.

    Args:
        client: as it is.
        wish: what to change.
        audiences: the APIs that there are; empty: any may be named.
        entropy: `SECRET_ENTROPY` random bytes.

    Raises:
        AdministrationError: what comes of it could not be registered, or must not come of this client.
    """
    method = wish.token_endpoint_auth_method or client.token_endpoint_auth_method
    _check_publicity(client, method)
    lists = {name: _amended(client, name, wish) for name in LISTS}
    new = NewClient(
        id=client.id,
        type=client.type,
        name=client.name if wish.name is None else wish.name,
        token_endpoint_auth_method=method,
        jwks=wish.jwks or (client.jwks if method == "private_key_jwt" else None),
        is_first_party=client.is_first_party if wish.is_first_party is None else wish.is_first_party,
        **{**lists, "scopes": _besides_those_of(client, lists["scopes"])},
    )
    registered = register(new, audiences=audiences, entropy=entropy, now=client.created_at)
    keeps_secret = has_secret(method) and has_secret(client.token_endpoint_auth_method)
    # A right that the type would bring today, and that this client does not have, does not come by the way.
    changed = msgspec.structs.replace(registered.client, scopes=lists["scopes"], grant_types=client.grant_types)
    if keeps_secret:
        return Registered(msgspec.structs.replace(changed, secret_sha256=client.secret_sha256), None)
    return Registered(changed, registered.secret)


def changes_of(before: Client, client: Client, now: int) -> tuple[Change, ...]:
    """What to write: nothing, if nothing changes."""
    if client == before:
        return ()
    event = Event(kind="client.updated", at=now, client_id=client.id, detail={"changed": _difference(before, client)})
    return ReplaceClient(client, before), AddEvent(event)


async def update_client(
    client_id: str, wish: Amendment, *, store: ClientStore, audiences: Collection[str], entropy: Entropy, now: int
) -> Registered:
    """Change a client. Servers read it for every request, so that the next one goes by it.

    Raises:
        AdministrationError: as `decide`; or there is no such client.
        Unavailable: the store does not answer.
    """
    seed = entropy(SECRET_ENTROPY)

    async def attempt() -> Registered:
        before = await find_client(client_id, store)
        updated = decide(before, wish, audiences=audiences, entropy=seed)
        await store.commit(*changes_of(before, updated.client, now))
        return updated

    return await until_committed(attempt)


def _check_publicity(client: Client, method: AuthenticationMethod) -> None:
    """RFC 6749 §2.1: what holds the registered secret, or proves nothing, is another application."""
    if (method == "none") != is_public(client):
        kind, other = ("confidential", "public") if method == "none" else ("public", "confidential")
        raise AdministrationError(
            f"{client.id} is {kind} and stays so: as a {other} client its sessions would be worth something else",
            hint="Register another client: jotary client create",
        )


def _amended(client: Client, name: str, wish: Amendment) -> tuple[str, ...]:
    present: tuple[str, ...] = getattr(client, name)
    removed = wish.remove.get(name, ())
    missing = [member for member in removed if member not in present]
    if missing:  # what was meant to be closed would stay open
        raise AdministrationError(
            f"{client.id} has no {LISTS[name]} {missing[0]}", hint=f"It has: {' '.join(present) or 'none'}."
        )
    return _unique([*(member for member in present if member not in removed), *wish.add.get(name, ())])


def _unique(members: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(members))


def _besides_those_of(client: Client, scopes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(scope for scope in scopes if scope not in CLIENT_TYPES[client.type].scopes)


def _difference(before: Client, client: Client) -> dict[str, Any]:
    pairs = {name: (getattr(before, name), getattr(client, name)) for name in _SHOWN}
    pairs["jwks"] = _thumbprints(before), _thumbprints(client)
    return {name: {"from": old, "to": new} for name, (old, new) in pairs.items() if old != new}


def _thumbprints(client: Client) -> list[str]:
    """RFC 7638: a key's name that cannot be given to another one."""
    return [key.thumbprint() for key in KeySet.from_jwks(client.jwks)] if client.jwks else []
