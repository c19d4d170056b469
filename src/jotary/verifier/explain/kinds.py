"""What a text looks like that somebody took for an access token. Shapes only: nothing here is verified."""

import re
from typing import Any, Final

import msgspec

from jotary.jose.header import media_type
from jotary.tokens.access_token import TYP
from jotary.verifier.check import looks_like_an_id_token


class Kind(msgspec.Struct, frozen=True):
    """A kind of text.

    Attributes:
        name: for programs.
        description: what it is, and what to do with it.
        is_secret: whether it is one that must not have been pasted anywhere: it should be revoked.
    """

    name: str
    description: str
    is_secret: bool = False


_ACCESS: Final = Kind("access_token", "An access token (RFC 9068): whoever holds it may use it until it expires.")
_ID: Final = Kind("id_token", "An ID token, which is for the client alone. Send the access token to the API.")
_JWT: Final = Kind(
    "jwt", "A JWT that does not say what it is for: perhaps an access token that is older than RFC 9068."
)
_PROFILED: Final = Kind("provider_jwt", "A JWT. Whether it is of the kind that is expected, the checks below say.")
_DATA: Final = Kind("signed_data", "Signed data that is no JWT: the payload is not a JSON object.")
_UNSIGNED: Final = Kind("unsigned", "A JWT with no signature at all (alg none): anybody can write one.")
_ENCRYPTED: Final = Kind("encrypted", "Five parts: an encrypted token (JWE), which only its recipient can read.")
_HEADER: Final = Kind("authorization_header", "A whole Authorization header. Take only what follows 'Bearer '.")
_QUOTED: Final = Kind("quoted", "A text in quotes, as JSON and scripts have it. Take only what stands between them.")
_OPAQUE: Final = Kind(
    "opaque",
    "No JWT. If it is an opaque access token, only its issuer can tell what it means (RFC 7662); if it is a refresh "
    "token, an API key or a password, it is a secret that was pasted: revoke it.",
)
_NOTHING: Final = Kind("nothing", "Nothing: the text is empty.")

# By which server and secret scanners alike know the secrets of a jotary.
_SECRETS: Final = {
    "jrt_": Kind(
        "refresh_token",
        "A refresh token of jotary. It is a secret of the client that goes to the token endpoint only, and it was "
        "pasted here: revoke its session. Send the access token to the API.",
        is_secret=True,
    ),
    "jac_": Kind(
        "authorization_code",
        "An authorization code of jotary. It is good once, for a minute, and only at the token endpoint; it was pasted "
        "here: sign in again, and send the access token to the API.",
        is_secret=True,
    ),
    "jcs_": Kind(
        "client_secret",
        "A client secret of jotary. It is a password that goes to the token endpoint only, and it was pasted here: "
        "make the client a new one.",
        is_secret=True,
    ),
}

_BY_TYPE: Final = {
    TYP: _ACCESS,
    "logout+jwt": Kind("logout_token", "A logout token (OpenID Connect Back-Channel Logout), which is for the client."),
    "dpop+jwt": Kind("dpop_proof", "A DPoP proof (RFC 9449), which goes beside an access token, in another header."),
    "revocations+jwt": Kind("revocation_feed", "An answer of jotary's revocation feed, which opens nothing."),
}

_PARTS_OF_JWE: Final = 5  # RFC 7516 §7.1
_QUOTES: Final = "\"'`"
_BEARER: Final = re.compile(r"(?:authorization: *)?bearer ", re.IGNORECASE)


def kind_of(
    token: str, members: dict[str, Any] | None, claims: dict[str, Any] | None, *, is_profiled: bool = False
) -> Kind:
    """What the text looks like.

    Args:
        token: the text.
        members: of its header, if it has one that can be read.
        claims: its payload, likewise.
        is_profiled: whether it is held against a provider's profile, which alone says then which JWT is of which kind.
    """
    if not token:
        return _NOTHING
    bare = token.strip(_QUOTES)  # a secret in quotes is a secret first
    if _BEARER.match(bare):
        return _HEADER
    for prefix, kind in _SECRETS.items():
        if bare.startswith(prefix):
            return kind
    if bare != token:
        return _QUOTED
    if members is None:
        return _ENCRYPTED if token.count(".") + 1 == _PARTS_OF_JWE else _OPAQUE
    kind = _kind_of_jws(members, claims)
    return _PROFILED if is_profiled and kind in {_JWT, _ID} else kind


def _kind_of_jws(members: dict[str, Any], claims: dict[str, Any] | None) -> Kind:
    algorithm, typ = members.get("alg"), members.get("typ")
    if isinstance(algorithm, str) and algorithm.lower() == "none":
        return _UNSIGNED
    if claims is None:
        return _DATA
    known = _BY_TYPE.get(media_type(typ)) if isinstance(typ, str) else None
    if known is not None:
        return known
    return _ID if looks_like_an_id_token(claims) else _JWT
