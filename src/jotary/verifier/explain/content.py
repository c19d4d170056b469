"""Type and claims, each by the function that the verifier uses (RFC 9068 §4)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from jotary.jose.header import Header
from jotary.tokens import claims as checks
from jotary.tokens.access_token import check_scope
from jotary.verifier.check import check_type
from jotary.verifier.explain.display import one_of, shown, shown_time
from jotary.verifier.explain.record import Record


class ContentExpected(msgspec.Struct, frozen=True):
    """What the claims must say; `issuer` and `audiences` as in `Circumstances`, times in seconds."""

    issuer: str | None
    audiences: frozenset[str]
    leeway: int
    now: int


def check_content(header: Header, claims: dict[str, Any], expected: ContentExpected, record: Record) -> None:
    """Check the type and every claim, also of a token whose signature does not hold: all that is wrong is shown."""
    record.run("typ", partial(check_type, header.typ, claims), found=_member(header.members, "typ"))
    _check_issuer(claims, expected.issuer, record)
    _check_audience(claims, expected.audiences, record)
    _check_times(claims, expected, record)
    for name in ("sub", "client_id", "jti"):
        record.run(name, partial(checks.require_text, claims, name), found=_member(claims, name))
    record.run("scope", partial(check_scope, claims), found=_member(claims, "scope"))
    record.run("sid", partial(checks.optional_text, claims, "sid"), found=_member(claims, "sid"))


def _check_issuer(claims: dict[str, Any], issuer: str | None, record: Record) -> None:
    found = _member(claims, "iss")
    if issuer is not None:
        record.run("iss", partial(checks.check_issuer, claims, issuer), found=found, expected=shown(issuer))
    elif record.run("iss", partial(checks.require_text, claims, "iss"), found=found, expected="a string") is not None:
        change = "Not verified: anybody can write this. Name the issuer that the API trusts."
        record.skip("iss", change, found=found, expected="the issuer that the API trusts")


def _check_audience(claims: dict[str, Any], audiences: frozenset[str], record: Record) -> None:
    found = _member(claims, "aud")
    if audiences:
        expected = one_of(audiences)
        record.run("aud", partial(checks.check_audience, claims, audiences), found=found, expected=expected)
    elif record.run("aud", partial(checks.audiences, claims), found=found, expected="a string or strings") is not None:
        record.skip("aud", "Name the API that the token is for.", found=found, expected="the name of the API")


def _check_times(claims: dict[str, Any], expected: ContentExpected, record: Record) -> None:
    now, leeway = expected.now, expected.leeway
    rows: tuple[tuple[str, Callable[..., object], str], ...] = (
        ("exp", checks.check_expiry, f"after {shown_time(now - leeway, now)}"),
        ("nbf", checks.check_not_before, f"absent, or at most {shown_time(now + leeway, now)}"),
        ("iat", checks.check_issued_at, f"at most {shown_time(now + leeway, now)}"),
    )
    for name, function, wanted in rows:
        found = shown_time(claims[name], now) if name in claims else "absent"
        record.run(name, partial(function, claims, now=now, leeway=leeway), found=found, expected=wanted)


def _member(members: Mapping[str, Any], name: str) -> str:
    return shown(members[name]) if name in members else "absent"
