"""ID tokens: what the provider tells the client about the sign-in (OpenID Connect Core §2)."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from jotary.jose import base64url
from jotary.tokens import claims as checks
from jotary.tokens.errors import TokenError

TYP = "JWT"

_DIGESTS = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class IDToken(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an ID token that passed every check."""

    subject: str
    session_id: str | None
    authenticated_at: int | None
    expires_at: int
    claims: Mapping[str, Any]


def token_hash(token: str, algorithm: str) -> str:
    """`at_hash`: the left half of the token's hash, by the hash of the ID token's algorithm (OIDC Core §3.1.3.6).

    Raises:
        TokenError: no hash is defined for the algorithm.
    """
    digest = _hash_for(algorithm)(token.encode("ascii")).digest()
    return base64url.encode(digest[: len(digest) // 2])


def _hash_for(algorithm: str) -> Any:
    """The hash inside a JWS algorithm. Ed25519 hashes with SHA-512 (RFC 8032 §5.1)."""
    if algorithm in {"EdDSA", "Ed25519"}:
        return hashlib.sha512
    digest = _DIGESTS.get(algorithm[-3:])
    if digest is None:  # OIDC Core names none for ML-DSA, nor for Ed448
        raise TokenError("at_hash", f"{algorithm} cannot sign ID tokens: no hash is defined for their at_hash")
    return digest


def id_token_claims(
    *,
    issuer: str,
    subject: str,
    client_id: str,
    session_id: str,
    nonce: str | None,
    authenticated_at: int,
    methods: Sequence[str],
    access_token: str,
    algorithm: str,
    now: int,
    lifetime: int,
    profile: Mapping[str, Any],
) -> dict[str, Any]:
    """The claims of a new ID token; times in seconds. `profile` may add claims and never replaces one of these."""
    claims: dict[str, Any] = {
        **profile,
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": now,
        "exp": now + lifetime,
        "auth_time": authenticated_at,
        "sid": session_id,
        "at_hash": token_hash(access_token, algorithm),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if methods:
        claims["amr"] = list(methods)
    return claims


def check_id_token(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str | None,
    algorithm: str,
    now: int,
    leeway: int,
    access_token: str | None = None,
    max_age: int | None = None,
) -> IDToken:
    """Check the claims of an ID token whose signature already held (OIDC Core §3.1.3.7, §3.1.3.8).

    Args:
        claims: the verified payload.
        issuer: the provider, byte for byte.
        client_id: this client.
        nonce: what the authorization request sent; None after a refresh, where none is expected.
        algorithm: the `alg` that signed it, for `at_hash`.
        now: Unix seconds.
        leeway: seconds that clocks may differ.
        access_token: the token that came with it, compared with `at_hash` where that is there.
        max_age: seconds since the person last authenticated, if the request said so.

    Raises:
        TokenError: with the claim that failed.
    """
    checks.check_issuer(claims, issuer)
    _check_client(claims, client_id)
    expires_at = checks.check_expiry(claims, now=now, leeway=leeway)
    checks.check_issued_at(claims, now=now, leeway=leeway)
    _check_nonce(claims, nonce)
    _check_at_hash(claims, access_token, algorithm)
    return IDToken(
        subject=checks.require_text(claims, "sub"),
        session_id=checks.optional_text(claims, "sid"),
        authenticated_at=_check_age(claims, max_age, now=now, leeway=leeway),
        expires_at=expires_at,
        claims=claims,
    )


def _check_client(claims: Mapping[str, Any], client_id: str) -> None:
    """OIDC Core §3.1.3.7, points 3 to 5: this client, and nobody else unless it is the authorized party."""
    found = checks.check_audience(claims, client_id)
    authorized_party = claims.get("azp")
    if len(found) > 1 and authorized_party is None:
        raise TokenError("azp", "the ID token has several audiences and no authorized party")
    if authorized_party is not None and authorized_party != client_id:
        raise TokenError("azp", "the ID token was issued to another client")


def _check_nonce(claims: Mapping[str, Any], nonce: str | None) -> None:
    found = claims.get("nonce")
    if nonce is None:
        return
    if not isinstance(found, str) or not hmac.compare_digest(found.encode(), nonce.encode()):
        raise TokenError("nonce", "the ID token does not answer this sign-in")


def _check_at_hash(claims: Mapping[str, Any], access_token: str | None, algorithm: str) -> None:
    if access_token is not None and "at_hash" in claims and claims["at_hash"] != token_hash(access_token, algorithm):
        raise TokenError("at_hash", "the access token is not the one that the ID token was issued with")


def _check_age(claims: Mapping[str, Any], max_age: int | None, *, now: int, leeway: int) -> int | None:
    if "auth_time" not in claims and max_age is None:
        return None
    authenticated_at = checks.require_time(claims, "auth_time")
    if max_age is not None and now > authenticated_at + max_age + leeway:
        raise TokenError("auth_time", "the person signed in longer ago than max_age allows")
    return int(authenticated_at)
