"""JSON that has one meaning: what other parsers read differently is refused (RFC 8259, RFC 7493, RFC 7515 §4)."""

import json
from types import GenericAlias
from typing import Annotated, Any

import msgspec

from jotary.jose.errors import JOSEError

MAX_SIZE = 65_536  # bytes
MAX_DEPTH = 32
MIN_INTEGER, MAX_INTEGER = -(1 << 63), (1 << 63) - 1

_SHALLOW = 5
_SCALAR: Any = Annotated[int, msgspec.Meta(ge=MIN_INTEGER, le=MAX_INTEGER)] | float | str | bool | None


def _value_type(depth: int) -> Any:
    """Return the type of the values with this many levels of objects and arrays; msgspec has none for all levels."""
    if depth == 0:
        return _SCALAR
    inner = _value_type(depth - 1)
    return _SCALAR | GenericAlias(list, (inner,)) | GenericAlias(dict, (str, inner))


# Proves the range of integers and the depth while it reads, for nothing. What it refuses is looked at more closely.
_decode_shallow = msgspec.json.Decoder(_value_type(_SHALLOW)).decode
_decode_any = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_TRY_AGAIN, _UNREADABLE = object(), object()


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
            object, NaN or Infinity, an integer outside 64 bits with sign, a float out of range, a lone surrogate, or
            nesting deeper than 32.
    """
    return _read(data, max_size)


def dumps(value: Any) -> bytes:
    """Return the value as compact UTF-8 JSON, members in the order that they have.

    Raises:
        JOSEError: ``bad_json`` for what ``loads`` would not give back the same: NaN, Infinity, bytes, dates, tuples,
            names that are not strings, integers outside 64 bits, lone surrogates, nesting deeper than 32.
    """
    try:
        written = _encode(value)
        # msgspec writes NaN as null and dates as strings
        if _is_plain(value) or _read(written, len(written)) == value:
            return written
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError, JOSEError):
        pass  # raised below: a UnicodeEncodeError holds the text that it refused
    raise JOSEError("bad_json", "the value holds something that JSON cannot say")


def _is_plain(value: Any) -> bool:
    """Whether it is an object, as most tokens hold, of which nothing can be misread: text and modest integers."""
    if type(value) is not dict:
        return False
    for name, member in value.items():
        kind = type(member)
        is_modest = kind is str or (kind is int and MIN_INTEGER <= member <= MAX_INTEGER)
        if not is_modest or type(name) is not str:
            return False
    return True


def _read(data: bytes, max_size: int) -> Any:
    if len(data) > max_size:
        raise JOSEError("too_large", f"the JSON text is longer than {max_size} bytes")
    try:
        value = _decode_shallow(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = _TRY_AGAIN  # outside of this block: a UnicodeDecodeError holds the text that it refused
    if value is _TRY_AGAIN:
        value = _read_deep(data)
    # A dict cannot hold a name twice: a text that equals its own rewriting repeats none. Issuers write compact JSON,
    # so that the second, slower pass is for the few that do not.
    if _encode(value) != data and _repeats_a_name(data):
        raise JOSEError("bad_json", "a member name occurs twice in one object (RFC 7515 §4)")
    return value


def _read_deep(data: bytes) -> Any:
    """Read what is malformed, too deep, has an integer out of range, or is merely deeper than most."""
    try:
        value = _decode_any(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _UNREADABLE
    if value is _UNREADABLE:
        raise JOSEError("bad_json", "the text is not JSON in UTF-8, or holds a float out of range")
    level, depth = [value], 0
    while level:
        if any(type(item) is int and not MIN_INTEGER <= item <= MAX_INTEGER for item in level):
            raise JOSEError("bad_json", "the text holds an integer outside 64 bits")
        inner = [item for item in level if isinstance(item, dict | list)]
        depth += bool(inner)
        if depth > MAX_DEPTH:
            raise JOSEError("bad_json", f"the JSON text is nested deeper than {MAX_DEPTH}")
        level = [child for item in inner for child in (item.values() if isinstance(item, dict) else item)]
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
