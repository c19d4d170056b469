"""What an access token must say, written a second time and from the standards, with nothing of jotary's own code.

It is slow and plain, and reads JSON with the standard library: two readings that agree on a million texts are worth
more than one that was tested by its author.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

_EXACT = 2**53 - 1  # RFC 8259 §6
_INT64 = range(-(2**63), 2**63)
_DEEPEST = 32
_LARGEST = 65_536  # bytes
_SCOPE = re.compile(r"([\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*)?")  # RFC 6749 §3.3
_LONGEST_SCOPE = 2048
_TYPES = {"at+jwt", "application/at+jwt"}  # RFC 9068 §2.1

Json = dict[str, Any]


def read_object(text: bytes) -> Json | None:
    """The JSON object that the text holds; None if it holds none, or one that two readers could read differently."""
    if len(text) > _LARGEST:
        return None
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_refused,
            parse_int=_small,
            parse_float=_finite,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and _depth(value) <= _DEEPEST else None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _small(digits: str) -> int:
    if len(digits) > 20 or int(digits) not in _INT64:
        raise ValueError("more than 64 bits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("out of range")
    return value


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return depth


def broken_everywhere(
    claims: Json, *, issuers: frozenset[str], audience_claim: str, audiences: frozenset[str], now: int, leeway: int
) -> Iterator[str]:
    """The claims that no issuer's token may say so: issuer, audience, times, subject (RFC 7519 §4.1)."""
    if not _is_text(claims.get("iss")) or claims["iss"] not in issuers:
        yield "iss"
    if not _names_one_of(claims.get(audience_claim), audiences):
        yield "aud"
    if not _is_time(claims.get("exp")) or now >= claims["exp"] + leeway:
        yield "exp"
    if not _is_time(claims.get("iat")) or claims["iat"] > now + leeway:
        yield "iat"
    if "nbf" in claims and (not _is_time(claims["nbf"]) or claims["nbf"] > now + leeway):
        yield "nbf"
    if not _is_text(claims.get("sub")):
        yield "sub"


def broken_in_access_token(header: Json, claims: Json) -> Iterator[str]:
    """What RFC 9068 §2.1 and §2.2 ask for beside."""
    typ = header.get("typ")
    if not isinstance(typ, str) or not typ.isascii() or typ.lower() not in _TYPES:
        yield "typ"
    yield from (name for name in ("client_id", "jti") if not _is_text(claims.get(name)))
    if "sid" in claims and not _is_text(claims["sid"]):
        yield "sid"
    scope = claims.get("scope", "")
    if not isinstance(scope, str) or len(scope) > _LONGEST_SCOPE or not _SCOPE.fullmatch(scope):
        yield "scope"


def header_is_malformed(header: Mapping[str, Any]) -> bool:
    """RFC 7515 §4.1 and RFC 7797 §3, §6 for a token whose payload is encoded and attached."""
    if not isinstance(header.get("alg"), str) or header.get("b64", True) is not True:
        return True
    return any(not isinstance(header.get(name, ""), str) for name in ("kid", "typ", "cty"))


def critical_is_refused(header: Mapping[str, Any]) -> bool:
    """RFC 7515 §4.1.11: the one extension that is understood is `b64`, and it must be there."""
    return "crit" in header and not (header["crit"] == ["b64"] and "b64" in header)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _EXACT


def _names_one_of(value: object, audiences: frozenset[str]) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list) and all(map(_is_text, names)) and not audiences.isdisjoint(names)
