"""Holes that are cut on purpose, to see that a run finds them: a fuzzer that finds nothing proves nothing by itself.

Each takes out one check for the life of the process.
"""

import base64
from typing import Any, NamedTuple

from jotary.jose import JOSEError, base64url, header, strict_json
from jotary.tokens import access_token, claims
from jotary.verifier import check


class Defect(NamedTuple):
    """What stands in the place of a function.

    Attributes:
        module: where the function is.
        name: of the function.
        instead: of it.
    """

    module: Any
    name: str
    instead: Any


def _any_issuer(content: Any, issuer: str) -> None:
    claims.require_text(content, "iss")


def _any_audience(content: Any, expected: Any) -> tuple[str, ...]:
    return claims.audiences(content)


def _any_time(content: Any, *, now: int, leeway: int) -> int:
    return int(claims.require_time(content, "exp"))


def _lenient(text: str | bytes) -> bytes:
    """Base64url as many libraries read it: padding and unused bits do not count."""
    raw = text if isinstance(text, bytes) else text.encode("ascii", "replace")
    try:
        return base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except ValueError:
        raise JOSEError("bad_base64url", "not base64url") from None


DEFECTS = {
    "any issuer": Defect(claims, "check_issuer", _any_issuer),
    "any audience": Defect(claims, "check_audience", _any_audience),
    "no expiry": Defect(claims, "check_expiry", _any_time),
    "no nbf": Defect(claims, "check_not_before", lambda *_, **__: None),
    "any typ": Defect(check, "check_type", lambda *_: None),
    "any scope": Defect(access_token, "check_scope", lambda _: frozenset()),
    "any crit": Defect(header, "_check_critical", lambda _: None),
    "any name twice": Defect(strict_json, "_repeats_a_name", lambda _: False),
    "lenient base64url": Defect(base64url, "decode", _lenient),
}
