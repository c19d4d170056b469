"""Checks that several kinds of token share. Each takes the claims and raises `TokenError` naming its claim."""

from collections.abc import Collection, Mapping
from typing import Any

from jotary.tokens.errors import TokenError

#: Seconds that clocks may differ (RFC 7519 §4.1.4: "usually no more than a few minutes").
DEFAULT_LEEWAY = 5

#: Seconds; the largest integer that every JSON reader keeps exact (RFC 8259 §6); it lies millions of years ahead.
LATEST = 2**53 - 1

_NUMBERS = frozenset({int, float})  # a boolean is an int, but not of this type

Claims = Mapping[str, Any]


def require_text(claims: Claims, name: str) -> str:
    """A claim that must be a non-empty string."""
    value = claims.get(name)
    if value is None:
        raise TokenError(name, f"the token has no '{name}' claim")
    if not isinstance(value, str) or not value:
        raise TokenError(name, f"the '{name}' claim is not a non-empty string")
    return value


def optional_text(claims: Claims, name: str) -> str | None:
    """A claim that may be absent, and is a non-empty string otherwise."""
    return require_text(claims, name) if name in claims else None


def require_time(claims: Claims, name: str) -> int | float:
    """A claim that must be a NumericDate (RFC 7519 §2): a finite number of seconds, not a boolean."""
    value = claims.get(name)
    if value is None:
        raise TokenError(name, f"the token has no '{name}' claim")
    if type(value) not in _NUMBERS or not 0 <= value <= LATEST:
        raise TokenError(name, f"the '{name}' claim is not a time in seconds")
    seconds: int | float = value
    return seconds


def check_issuer(claims: Claims, issuer: str) -> None:
    """`iss` equals the expected issuer byte for byte (RFC 7519 §4.1.1)."""
    if require_text(claims, "iss") != issuer:
        raise TokenError("iss", "the token was issued by another issuer; they are compared byte for byte")


def audiences(claims: Claims) -> tuple[str, ...]:
    """`aud` as a tuple: one string or a list of strings (RFC 7519 §4.1.3)."""
    value = claims.get("aud")
    if value is None:
        raise TokenError("aud", "the token has no 'aud' claim")
    if type(value) is str and value:  # as most tokens have it
        return (value,)
    if not isinstance(value, (tuple, list)) or not value or not all(isinstance(one, str) and one for one in value):
        raise TokenError("aud", "the 'aud' claim is neither a string nor a list of strings")
    return tuple(value)


def check_audience(claims: Claims, expected: str | Collection[str]) -> tuple[str, ...]:
    """At least one audience of the token is an expected one; returns all of the token's."""
    found = audiences(claims)
    accepted = (expected,) if isinstance(expected, str) else expected
    for audience in found:
        if audience in accepted:
            return found
    raise TokenError("aud", "the token is meant for another audience; ask the issuer for one with this API as resource")


def check_expiry(claims: Claims, *, now: int, leeway: int) -> int:
    """`exp` lies ahead, with leeway; returns it (RFC 7519 §4.1.4)."""
    expires_at = require_time(claims, "exp")
    if now >= expires_at + leeway:
        raise TokenError("exp", "the token has expired; refresh it")
    return int(expires_at)


def check_issued_at(claims: Claims, *, now: int, leeway: int) -> int:
    """`iat` is there and not in the future beyond leeway; returns it."""
    issued_at = require_time(claims, "iat")
    if issued_at > now + leeway:
        raise TokenError("iat", "the token was issued in the future; check the clocks of issuer and API")
    return int(issued_at)


def check_not_before(claims: Claims, *, now: int, leeway: int) -> None:
    """`nbf`, where there is one, has come (RFC 7519 §4.1.5)."""
    if "nbf" in claims and require_time(claims, "nbf") > now + leeway:
        raise TokenError("nbf", "the token is not valid yet; check the clocks of issuer and API")
