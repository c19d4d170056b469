"""Registering a client."""

import re
from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

from jotary.jose import JOSEError, KeySet
from jotary.oauth.errors import OAuthError
from jotary.oauth.redirect_uri import check_registration
from jotary.oauth.resource import check_resource
from jotary.oauth.scope import parse_scope
from jotary.oauth.secret import Secret
from jotary.server.flows.administration.client_secret import SECRET_ENTROPY, has_secret, new_client_secret
from jotary.server.flows.administration.client_type import CLIENT_TYPES, Rules
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.client_authentication import ASSERTION_ALGORITHMS
from jotary.server.flows.grants.client_credentials import SCOPES_OF_PEOPLE
from jotary.server.model.changes import AddClient, AddEvent, Change
from jotary.server.model.client import AuthenticationMethod, Client, ClientType
from jotary.server.model.event import Event
from jotary.server.ports import Commit, Conflict, Entropy

MAX_NAME_LENGTH: Final = 100  # characters

# RFC 3986 §2.3: characters that need no encoding in a URL, a form or an Authorization header
_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")


class NewClient(msgspec.Struct, frozen=True, kw_only=True):
    """What is wished for; what is None gets the default of the type."""

    id: str
    type: ClientType
    name: str | None = None
    token_endpoint_auth_method: AuthenticationMethod | None = None
    jwks: dict[str, Any] | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()  # besides those of the type
    audiences: tuple[str, ...] = ()
    is_first_party: bool = False


class Registered(msgspec.Struct, frozen=True):
    """The client, and its secret if it has one: it cannot be shown again."""

    client: Client
    secret: Secret | None


def check_new_client(new: NewClient, audiences: Collection[str]) -> None:
    """Every rule of registering, in order.

    Args:
        new: the wish.
        audiences: the APIs that there are; empty: any may be named.

    Raises:
        AdministrationError: the wish is malformed, or not for a client of this type.
    """
    rules = CLIENT_TYPES[new.type]
    _check_names(new)
    _check_method(new, _method(new), rules)
    _check_people(new, rules)
    _check_uris(new)
    _check_scopes(new, rules)
    _check_audiences(new, audiences)
    _jwks(new)


def decide(new: NewClient, *, audiences: Collection[str], entropy: bytes, now: int) -> Registered:
    """The client that is wished for.

    Args:
        new: the wish.
        audiences: the APIs that there are; empty: any may be named.
        entropy: `SECRET_ENTROPY` random bytes.
        now: Unix seconds.

    Raises:
        AdministrationError: as `check_new_client`.
    """
    check_new_client(new, audiences)
    rules, method = CLIENT_TYPES[new.type], _method(new)
    secret = new_client_secret(entropy) if has_secret(method) else None
    client = Client(
        id=new.id,
        name=new.name or new.id,
        type=new.type,
        token_endpoint_auth_method=method,
        secret_sha256=secret.sha256() if secret else None,
        jwks=_jwks(new),
        redirect_uris=new.redirect_uris,
        post_logout_redirect_uris=new.post_logout_redirect_uris,
        grant_types=rules.grant_types,
        scopes=tuple(dict.fromkeys((*rules.scopes, *new.scopes))),
        audiences=new.audiences,
        is_first_party=new.is_first_party,
        created_at=now,
    )
    return Registered(client, secret)


def changes_of(registered: Registered) -> tuple[Change, ...]:
    """What to write."""
    client = registered.client
    event = Event(kind="client.created", at=client.created_at, client_id=client.id, detail={"type": client.type})
    return AddClient(client), AddEvent(event)


async def create_client(
    new: NewClient, *, store: Commit, audiences: Collection[str], entropy: Entropy, now: int
) -> Registered:
    """Register a client.

    Raises:
        AdministrationError: as `decide`; or the id is taken.
        Unavailable: the store does not answer.
    """
    registered = decide(new, audiences=audiences, entropy=entropy(SECRET_ENTROPY), now=now)
    try:
        await store.commit(*changes_of(registered))
    except Conflict:  # the id is guarded; there is nothing to gather again
        hint = f"Choose another id, or remove it first: jotary client delete {new.id}"
        raise AdministrationError(f"there is a client {new.id} already", hint=hint) from None
    return registered


def _method(new: NewClient) -> AuthenticationMethod:
    return new.token_endpoint_auth_method or CLIENT_TYPES[new.type].methods[0]


def _jwks(new: NewClient) -> dict[str, Any] | None:
    return _public_keys(new.jwks) if _method(new) == "private_key_jwt" else None


def _check_names(new: NewClient) -> None:
    if not _ID.fullmatch(new.id):
        hint = "Use 1 to 64 letters, digits, '-', '.', '_' or '~'."
        raise AdministrationError(f"{new.id!r} cannot be a client's id", hint=hint)
    if new.name is not None and not (0 < len(new.name) <= MAX_NAME_LENGTH and new.name.isprintable()):
        raise AdministrationError(
            "the name is empty, too long or not printable", hint=f"At most {MAX_NAME_LENGTH} characters."
        )


def _check_method(new: NewClient, method: AuthenticationMethod, rules: Rules) -> None:
    if method not in rules.methods:
        hint = f"Use one of: {', '.join(rules.methods)}."
        raise AdministrationError(f"a {new.type} client cannot authenticate by {method}", hint=hint)
    if (method == "private_key_jwt") != (new.jwks is not None):
        hint = "Give --jwks together with --auth-method private_key_jwt (RFC 7523), or neither."
        raise AdministrationError("public keys and private_key_jwt belong together", hint=hint)


def _check_people(new: NewClient, rules: Rules) -> None:
    """A service has nobody to send anywhere; every other client must say where people may be sent (RFC 9700 §2.1)."""
    if rules.has_people and not new.redirect_uris:
        hint = "Name the address that people come back to: --redirect-uri https://app.example.com/callback"
        raise AdministrationError(f"a {new.type} client needs a redirect URI", hint=hint)
    if not rules.has_people and (new.redirect_uris or new.post_logout_redirect_uris or new.is_first_party):
        hint = "Leave out redirect URIs and --first-party, or use --type web."
        raise AdministrationError("nobody signs in through a service", hint=hint)


def _check_uris(new: NewClient) -> None:
    for uri in (*new.redirect_uris, *new.post_logout_redirect_uris):
        _checked(uri, lambda text: check_registration(text, new.type))


def _check_scopes(new: NewClient, rules: Rules) -> None:
    for scope in new.scopes:
        _checked(scope, parse_scope)
    of_people = SCOPES_OF_PEOPLE.intersection(new.scopes)
    if of_people and not rules.has_people:
        hint = f"Leave out: {', '.join(sorted(of_people))}."
        raise AdministrationError("a service acts for itself, and these scopes speak of a person", hint=hint)


def _check_audiences(new: NewClient, known: Collection[str]) -> None:
    for audience in new.audiences:
        _checked(audience, check_resource)
        if known and audience not in known:
            hint = f"Use one of: {', '.join(known)}; or add it to the setting audiences."
            raise AdministrationError(f"there is no API {audience}", hint=hint)


def _checked(text: str, check: Callable[[str], object]) -> None:
    try:
        check(text)
    except OAuthError as error:
        problem = error.description[:1].lower() + error.description[1:].removesuffix(".")
        raise AdministrationError(f"{text}: {problem}", hint=error.hint or "See the documentation.") from None


def _public_keys(jwks: dict[str, Any] | None) -> dict[str, Any]:
    """The keys as they are kept: public members only, each of them usable."""
    try:
        keys = KeySet.from_jwks(jwks or {})
    except JOSEError as error:
        raise AdministrationError(f"the JWK Set cannot be read: {error.hint}", hint="See RFC 7517, 5.") from None
    for ignored in keys.ignored:
        raise AdministrationError(
            f"key {ignored.kid or ignored.index} cannot be used: {ignored.reason}",
            hint="Give public keys only, each with its own kid.",
        )
    if not keys:
        raise AdministrationError("the JWK Set is empty", hint="Give at least one public key.")
    for key in keys:
        if set(ASSERTION_ALGORITHMS).isdisjoint(key.verifying_algorithms):
            raise AdministrationError(
                f"key {key.kid or key.thumbprint()} is for {key.alg or key.kty}, which signs no assertions here",
                hint=f"Give keys for some of {', '.join(ASSERTION_ALGORITHMS)}.",
            )
    return keys.to_jwks()
