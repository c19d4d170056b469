"""The JOSE header of a compact JWS: read strictly, and once for all tokens that share it (RFC 7515 §4)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from jotary.jose import base64url, strict_json
from jotary.jose.errors import JOSEError

_STRINGS = ("alg", "kid", "typ", "cty")
_FLAT = frozenset({str, int, float, bool, type(None)})
_MAX_REMEMBERED = 256
_MAX_REMEMBERED_SIZE = 1024  # characters


class Header(msgspec.Struct, frozen=True, eq=False):
    """A header whose members were checked.

    Attributes:
        members: all of them; the caller gets a copy.
        alg: the algorithm's name, not yet looked up.
        kid: the key's name.
        typ: the media type of the whole token.
        unencoded: whether the payload is signed without base64url (RFC 7797 §3).
        text: the header as it stood in the token.
    """

    members: dict[str, Any]
    alg: str
    kid: str | None
    typ: str | None
    unencoded: bool
    text: bytes


remembered: dict[bytes, Header] = {}


def read(text: bytes) -> Header:
    """Return the header that the first part of a token holds.

    Raises:
        JOSEError: ``bad_base64url``, ``bad_json``, ``malformed`` or ``unsupported_critical_header``.
    """
    return check(strict_json.loads_object(base64url.decode(text)), text)


def media_type(typ: str) -> str:
    """Return a ``typ`` in lower case and without ``application/``, which may be left out (RFC 7515 §4.1.9)."""
    return typ.lower().removeprefix("application/")


def remember(header: Header) -> None:
    """Keep the header of a token whose signature verified, so that forged tokens do not fill the memory.

    Callers get a shallow copy of the members; so only headers without objects and arrays are kept, which a caller could
    change for everybody else. That leaves out the headers that carry a key, of which every client has another one.
    """
    if len(header.text) > _MAX_REMEMBERED_SIZE or not all(type(v) in _FLAT for v in header.members.values()):
        return
    if len(remembered) >= _MAX_REMEMBERED:
        remembered.clear()
    remembered[header.text] = header


def check(members: dict[str, Any], text: bytes = b"") -> Header:
    """Check the members that decide how a token is verified. Those that carry keys are never looked at.

    Raises:
        JOSEError: ``malformed`` or ``unsupported_critical_header``.
    """
    for name in _STRINGS:
        if name in members and not isinstance(members[name], str):
            raise JOSEError("malformed", f"header member {name!r} must be a string")
    if "alg" not in members:
        raise JOSEError("malformed", "the header must name its algorithm (RFC 7515 §4.1.1)")
    return Header(
        members=members,
        alg=members["alg"],
        kid=members.get("kid"),
        typ=members.get("typ"),
        unencoded=_is_unencoded(members),
        text=text,
    )


def _is_unencoded(members: Mapping[str, Any]) -> bool:
    """Check ``crit`` (RFC 7515 §4.1.11) and ``b64`` (RFC 7797 §3, §6), the one extension that is understood."""
    encoded = members.get("b64", True)
    if not isinstance(encoded, bool):
        raise JOSEError("malformed", "header member 'b64' must be true or false (RFC 7797 §3)")
    if "crit" in members:
        _check_critical(members)
    elif not encoded:
        raise JOSEError("malformed", "header member 'b64' must be critical when it is false (RFC 7797 §6)")
    return not encoded


def _check_critical(members: Mapping[str, Any]) -> None:
    names = members["crit"]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise JOSEError("malformed", "header member 'crit' must be an array of names, not empty (RFC 7515 §4.1.11)")
    if names != ["b64"]:
        raise JOSEError("unsupported_critical_header", "only the extension 'b64' is understood (RFC 7797)")
    if "b64" not in members:
        raise JOSEError("malformed", "header member 'crit' names a member that is not there (RFC 7515 §4.1.11)")
