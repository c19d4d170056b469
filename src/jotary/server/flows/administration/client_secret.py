"""A client's secret: made here, shown once, kept as a hash; and replaced when somebody may have seen it."""

from typing import Final, Protocol

import msgspec

from jotary.jose import base64url
from jotary.oauth.secret import Secret
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.until_committed import until_committed
from jotary.server.model.changes import AddEvent, Change, ReplaceClient
from jotary.server.model.client import AuthenticationMethod, Client
from jotary.server.model.event import Event
from jotary.server.ports import Clients, Commit, Entropy

#: Random bytes of a client's secret: beyond guessing, so that a plain hash of it is enough (design §8).
SECRET_ENTROPY: Final = 32

_PREFIX: Final = "jcs_"  # so that secret scanners recognise one


class ClientStore(Clients, Commit, Protocol):
    """What is read and written."""


def new_client_secret(entropy: bytes) -> Secret:
    """A secret from `SECRET_ENTROPY` random bytes."""
    if len(entropy) != SECRET_ENTROPY:
        raise ValueError(f"a client secret takes {SECRET_ENTROPY} random bytes")
    return Secret(_PREFIX + base64url.encode(entropy))


def has_secret(method: AuthenticationMethod) -> bool:
    """Whether a client that authenticates in this way has a secret."""
    return method in {"client_secret_basic", "client_secret_post"}


def decide(client: Client, secret: Secret, now: int) -> tuple[Change, ...]:
    """The old secret is worth nothing from now on; tokens and sessions go on.

    Raises:
        AdministrationError: the client authenticates without a secret.
    """
    if not has_secret(client.token_endpoint_auth_method):
        raise AdministrationError(
            f"{client.id} authenticates by {client.token_endpoint_auth_method} and has no secret",
            hint="A key is replaced with: jotary client update ID --jwks FILE",
        )
    changed = msgspec.structs.replace(client, secret_sha256=secret.sha256())
    return ReplaceClient(changed, client), AddEvent(Event(kind="client.secret_rotated", at=now, client_id=client.id))


async def rotate_client_secret(client_id: str, *, store: ClientStore, entropy: Entropy, now: int) -> Secret:
    """Give a client another secret and return it: it cannot be shown again.

    Raises:
        AdministrationError: there is no such client, or it has no secret.
        Unavailable: the store does not answer.
    """
    secret = new_client_secret(entropy(SECRET_ENTROPY))

    async def attempt() -> Secret:
        await store.commit(*decide(await find_client(client_id, store), secret, now))
        return secret

    return await until_committed(attempt)


async def find_client(client_id: str, clients: Clients) -> Client:
    """The client with this id.

    Raises:
        AdministrationError: there is none.
    """
    client = await clients.client(client_id)
    if client is None:
        raise AdministrationError(f"there is no client {client_id}", hint="See: jotary client list")
    return client
