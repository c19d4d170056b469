"""JSON that has one meaning: what other parsers read differently is refused (RFC 8259, RFC 7493, RFC 7515 §4)."""

import json
from typing import Any

import msgspec

from jotary.jose.errors import JOSEError

MAX_SIZE = 65_536  # bytes
MAX_DEPTH = 32

_BRACKET = ord("[")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_REFUSALS = (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError)


def loads_object(data: bytes, *, max_size: int = MAX_SIZE) -> dict[str, Any]:
    """Return the JSON object that the bytes hold.

    Raises:
        JOSEError: as ``loads``, and ``bad_json`` when the value is not an object.
    """
    value = _read(data, max_size)
    if type(value) is not dict:
        raise JOSEError("bad_json", "a JSON object is expected")
    return value


def loads(data: bytes, *, max_size: int = MAX_SIZE) -> Any:
    """Return the JSON value that the UTF-8 bytes hold.

    Args:
        data: the whole text; white space around it is allowed, a byte order mark is not.
        max_size: bytes; a longer text is refused before it is read.

    Raises:
        JOSEError: ``too_large``; ``bad_json`` for malformed JSON or UTF-8, a member name that occurs twice in one
            object, NaN or Infinity, an integer outside 64 bits, a float out of range, a lone surrogate, or nesting
            deeper than 32.
    """
    return _read(data, max_size)


def dumps(value: Any) -> bytes:
    """Return the value as compact UTF-8 JSON, members in the order that they have.

    Raises:
        JOSEError: ``bad_json`` for what JSON cannot say: NaN, Infinity, bytes, dates, tuples, names that are not
            strings, integers outside 64 bits, lone surrogates.
    """
    try:
        written = _encode(value)
        # msgspec writes NaN as null and dates as strings; what does not read back the same is refused.
        if _read(written, len(written)) == value:
            return written
    except (TypeError, UnicodeEncodeError, JOSEError, *_REFUSALS):
        pass  # raised below, so that the refusal carries no context
    raise JOSEError("bad_json", "the value holds something that JSON cannot say")


def _read(data: bytes, max_size: int) -> Any:
    if len(data) > max_size:
        raise JOSEError("too_large", f"the JSON text is longer than {max_size} bytes")
    value = written = None
    try:
        value = _decode(data)
        written = _encode(value)  # refuses an integer outside 64 bits
    except _REFUSALS:
        pass  # raised below: a UnicodeDecodeError holds the text that it refused
    if written is None:
        raise JOSEError("bad_json", "the text is not JSON, or holds a number out of range")
    # A dict cannot hold a name twice: a text that equals its own rewriting repeats none. Issuers write compact JSON,
    # so that the second, slower pass is for the few that do not.
    if written != data and _repeats_a_name(data):
        raise JOSEError("bad_json", "a member name occurs twice in one object (RFC 7515 §4)")
    # A flat object, which most are, has no bracket and no second brace
    if (_BRACKET in data or data.rfind(b"{") > 0) and _is_deeper(value, MAX_DEPTH):
        raise JOSEError("bad_json", f"the JSON text is nested deeper than {MAX_DEPTH}")
    return value


def _repeats_a_name(data: bytes) -> bool:
    """Tell whether an object at any depth of this valid JSON text repeats a member name."""
    try:
        json.loads(data, object_pairs_hook=_once)
    except (_RepeatedNameError, RecursionError):
        return True
    return False


class _RepeatedNameError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedNameError


def _is_deeper(value: Any, limit: int) -> bool:
    """Tell whether more than ``limit`` objects and arrays stand inside each other."""
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _inner(parent)]
        if not level:
            return False
    return True


def _inner(value: dict[str, Any] | list[Any]) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value
    return [child for child in children if isinstance(child, dict | list)]
