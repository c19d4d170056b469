"""An application that asks for tokens (RFC 6749 §2)."""

from typing import Any, Literal

import msgspec

ClientType = Literal["web", "native", "service"]
AuthenticationMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A registered client. What is not listed here is not allowed."""

    id: str
    name: str
    type: ClientType
    token_endpoint_auth_method: AuthenticationMethod
    secret_sha256: bytes | None = (
        None  # secrets are generated with 256 random bits, so a plain hash is enough (design §8)
    )
    jwks: dict[str, Any] | None = None  # public keys for private_key_jwt (RFC 7523)
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()  # the resources it may ask tokens for (RFC 8707); the first is the default
    is_first_party: bool = False  # a first-party client is not asked for consent
    created_at: int
