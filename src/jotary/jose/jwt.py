"""JSON Web Tokens: claims that are signed (RFC 7519, RFC 8725). What they must say is in `jotary.tokens`."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from jotary.jose import compact, jws, strict_json
from jotary.jose.compact import MAX_SIZE, UnverifiedToken
from jotary.jose.errors import JOSEError
from jotary.jose.header import media_type
from jotary.jose.key import Key
from jotary.jose.key_set import KeySet

#: Why a JWT with `b64` false is refused.
UNENCODED: Final = "a JWT must not use an unencoded payload (RFC 7797 §7)"

_NUMBER = frozenset({int, float})  # by exact type: a bool is an int to isinstance


class VerifiedToken(msgspec.Struct, frozen=True, eq=False):
    """A JWT whose signature, type and claim types were checked. Only ``verify`` makes one.

    Attributes:
        header: the protected header.
        claims: the claims, whose times, issuer and audience are still to be checked.
    """

    header: dict[str, Any]
    claims: dict[str, Any]

    def __repr__(self) -> str:
        """Return the type alone."""
        return f"<VerifiedToken typ={self.header.get('typ')!r}>"


def sign(claims: Mapping[str, Any], key: Key, *, typ: str, header: Mapping[str, Any] | None = None) -> str:
    """Sign claims and return the JWT.

    Args:
        claims: the claims; registered ones must have their types (RFC 7519 §4.1).
        key: a private or symmetric key.
        typ: the media type of the token, such as ``at+jwt`` (RFC 8725 §3.11).
        header: further header members.

    Raises:
        JOSEError: as ``jws.sign``; ``bad_claim`` for a registered claim of the wrong type.
    """
    claims = dict(claims)
    check_registered(claims)
    return jws.sign(strict_json.dumps(claims), key, header={**(header or {}), "typ": typ})


def verify(
    token: str | bytes | UnverifiedToken,
    key: Key | KeySet,
    *,
    algorithms: Collection[str],
    typ: str | Collection[str] | None,
    max_size: int = MAX_SIZE,
) -> VerifiedToken:
    """Verify a JWT: signature, type, and the types of its registered claims.

    Args:
        token: the token, or what ``jws.parse`` made of it.
        key: one key, or the set from which the token's kid and algorithm choose one.
        algorithms: the names of the algorithms that are accepted.
        typ: the media type or types that are accepted; None accepts any, and none.
        max_size: bytes; a longer token is refused before anything is decoded.

    Raises:
        JOSEError: as ``jws.verify``; ``wrong_type`` for another ``typ``; ``bad_json`` when the payload is not a JSON
            object; ``bad_claim`` for a registered claim of the wrong type.
    """
    header, payload, message, signature = compact.take_apart(token, max_size)
    if header.unencoded:
        raise JOSEError("malformed", UNENCODED)
    jws.check_signature(header, signature, message, key, algorithms)
    if typ is not None and header.typ != typ:
        _check_type(header.typ, {typ} if isinstance(typ, str) else typ)
    claims = strict_json.loads_object(payload)
    check_registered(claims)
    return VerifiedToken(dict(header.members), claims)


def check_registered(claims: Mapping[str, Any]) -> None:
    """Check the types of the registered claims (RFC 7519 §4.1).

    Raises:
        JOSEError: ``bad_claim``.
    """
    get = claims.get
    if not (type(get("exp", 0)) in _NUMBER and type(get("nbf", 0)) in _NUMBER and type(get("iat", 0)) in _NUMBER):
        raise JOSEError("bad_claim", "claims 'exp', 'nbf' and 'iat' must be numbers of seconds (RFC 7519 §2)")
    if not (type(get("iss", "")) is type(get("sub", "")) is type(get("jti", "")) is str):
        raise JOSEError("bad_claim", "claims 'iss', 'sub' and 'jti' must be strings (RFC 7519 §4.1)")
    if type(get("aud", "")) is not str:
        _check_audience(claims["aud"])


def _check_audience(value: object) -> None:
    """Check what is no string."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise JOSEError("bad_claim", "claim 'aud' must be a string or an array of strings (RFC 7519 §4.1.3)")


def _check_type(typ: str | None, accepted: Collection[str]) -> None:
    if typ is None or media_type(typ) not in {media_type(item) for item in accepted}:
        raise JOSEError("wrong_type", "the token is of another type (header member 'typ')")
