"""Who is calling: what a handler gets from a verified access token."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from jotary.jose import strict_json


# Thousands are kept, and what JSON holds cannot be part of a cycle: the collector may pass them over (`gc`).
class Principal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The caller, as the access token names it (RFC 9068 §2.2). Shared between requests, so nothing in it changes.

    Attributes:
        subject: `sub`, the person; for client credentials the client itself.
        client_id: the client that the token was issued to.
        scopes: what the token allows.
        session_id: `sid`, the session that the token belongs to; None for client credentials.
        issuer: `iss`.
        audience: `aud`, every one.
        issued_at: `iat`, Unix seconds.
        expires_at: `exp`, Unix seconds.
        jti: the token's own id; None for an issuer whose tokens have none.
        roles: what the person or client is, where the issuer says so; never scopes, which are what the client may do.
        permissions: what the issuer's own access control allows, kept apart in the same way.
    """

    subject: str
    client_id: str
    scopes: frozenset[str]
    session_id: str | None
    issuer: str
    audience: tuple[str, ...]
    issued_at: int
    expires_at: int
    jti: str | None
    _payload: bytes
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()

    @property
    def claims(self) -> Mapping[str, Any]:
        """Every claim of the token, read-only; arrays are tuples. Made at each access, so keep it if you need it twice.

        What a handler could change here would be changed for the next request with the same token too. Kept as the
        bytes that were signed, which take less memory than the objects that they stand for.
        """
        return _read_only(strict_json.loads_object(self._payload))

    def has_scopes(self, *scopes: str) -> bool:
        """Whether the token carries every one of these scopes."""
        return self.scopes.issuperset(scopes)

    def __repr__(self) -> str:
        """Who, and nothing else: the claims may hold what a log must not."""
        return f"<Principal subject={self.subject!r} client_id={self.client_id!r}>"


def _read_only(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType({name: _frozen(value) for name, value in claims.items()})


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return _read_only(value)
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value
