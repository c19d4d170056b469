"""Type and claims, each by the function that the verifier uses (RFC 9068 §4)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from jotary.jose.header import Header
from jotary.tokens import claims as checks
from jotary.tokens.access_token import check_scope
from jotary.verifier.check import check_type
from jotary.verifier.explain.display import one_of, shown, shown_time
from jotary.verifier.explain.record import Record

_TIMES: Final[Mapping[str, Callable[..., object]]] = {
    "exp": checks.check_expiry,
    "nbf": checks.check_not_before,
    "iat": checks.check_issued_at,
}


class ContentExpected(msgspec.Struct, frozen=True):
    """What the claims must say; `issuer` and `audiences` as in `Circumstances`, times in seconds."""

    issuer: str | None
    audiences: frozenset[str]
    leeway: int
    now: int


def check_content(header: Header, claims: dict[str, Any], expected: ContentExpected, record: Record) -> None:
    """Check the type and every claim, also of a token whose signature does not hold: all that is wrong is shown."""
    record.run("typ", partial(check_type, header.typ, claims), found=member(header.members, "typ"))
    _check_issuer(claims, expected.issuer, record)
    _check_audience(claims, expected.audiences, record)
    _check_times(claims, expected, record)
    for name in ("sub", "client_id", "jti"):
        record.run(name, partial(checks.require_text, claims, name), found=member(claims, name))
    record.run("scope", partial(check_scope, claims), found=member(claims, "scope"))
    record.run("sid", partial(checks.optional_text, claims, "sid"), found=member(claims, "sid"))


def _check_issuer(claims: dict[str, Any], issuer: str | None, record: Record) -> None:
    found = member(claims, "iss")
    if issuer is not None:
        record.run("iss", partial(checks.check_issuer, claims, issuer), found=found, expected=shown(issuer))
    elif record.run("iss", partial(checks.require_text, claims, "iss"), found=found, expected="a string") is not None:
        change = "Not verified: anybody can write this. Name the issuer that the API trusts."
        record.skip("iss", change, found=found, expected="the issuer that the API trusts")


def _check_audience(claims: dict[str, Any], audiences: frozenset[str], record: Record) -> None:
    found = member(claims, "aud")
    if audiences:
        expected = one_of(audiences)
        record.run("aud", partial(checks.check_audience, claims, audiences), found=found, expected=expected)
    elif record.run("aud", partial(checks.audiences, claims), found=found, expected="a string or strings") is not None:
        record.skip("aud", "Name the API that the token is for.", found=found, expected="the name of the API")


def _check_times(claims: dict[str, Any], expected: ContentExpected, record: Record) -> None:
    for name in _TIMES:
        check = partial(check_time, name, claims, expected)
        record.run(name, check, found=time_found(name, claims, expected), expected=time_expected(name, expected))


def check_time(name: str, claims: dict[str, Any], expected: ContentExpected) -> object:
    """Check `exp`, `nbf` or `iat` as the verifier does.

    Raises:
        TokenError: naming the claim.
    """
    return _TIMES[name](claims, now=expected.now, leeway=expected.leeway)


def time_found(name: str, claims: dict[str, Any], expected: ContentExpected) -> str:
    """The time that stands in the token, as it is shown."""
    return shown_time(claims[name], expected.now) if name in claims else "absent"


def time_expected(name: str, expected: ContentExpected) -> str:
    """What would pass; of every claim but these two, that it lies in the past."""
    if name == "exp":
        return f"after {shown_time(expected.now - expected.leeway, expected.now)}"
    latest = f"at most {shown_time(expected.now + expected.leeway, expected.now)}"
    return f"absent, or {latest}" if name == "nbf" else latest


def member(members: Mapping[str, Any], name: str) -> str:
    """What stands there, as it is shown."""
    return shown(members[name]) if name in members else "absent"
