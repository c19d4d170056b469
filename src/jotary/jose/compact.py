"""The compact serialization, taken apart: header, payload, what is signed, signature (RFC 7515 §3.1, §5.2)."""

from typing import Any

import msgspec

from jotary.jose import base64url
from jotary.jose import header as headers
from jotary.jose.errors import JOSEError
from jotary.jose.header import Header

MAX_SIZE = 16_384  # bytes; a token travels in an HTTP header
_DOT = ord(".")

# Header, payload, signing input, signature. A plain tuple: this is on the path of every token.
Parts = tuple[Header, bytes, bytes, bytes]


class UnverifiedToken(msgspec.Struct, frozen=True, eq=False):
    """A token that was taken apart and not verified: nothing in it may be believed. Only ``jws.parse`` makes one.

    Attributes:
        parts: what ``jws.verify`` and ``jwt.verify`` go on with.
    """

    parts: Parts

    @property
    def header(self) -> dict[str, Any]:
        """A copy of the header."""
        return dict(self.parts[0].members)

    @property
    def algorithm(self) -> str:
        """The header's ``alg``, which need not be one that is known."""
        return self.parts[0].alg

    @property
    def kid(self) -> str | None:
        """The header's ``kid``."""
        return self.parts[0].kid

    @property
    def payload(self) -> bytes:
        """The decoded payload; empty when it is detached."""
        return self.parts[1]

    @property
    def signing_input(self) -> bytes:
        """The bytes that the signature covers, unless the payload is detached."""
        return self.parts[2]

    @property
    def signature(self) -> bytes:
        """The decoded signature."""
        return self.parts[3]

    def __repr__(self) -> str:
        """Return no part of the token."""
        return f"<UnverifiedToken of {len(self.signing_input)} bytes>"


def take_apart(token: str | bytes | UnverifiedToken, max_size: int) -> Parts:
    """Split and decode a compact JWS; the payload is not looked into.

    Raises:
        JOSEError: ``too_large``, ``malformed``, ``bad_base64url``, ``bad_json``, ``unsupported_critical_header``.
    """
    if type(token) is UnverifiedToken:  # `isinstance` asks a struct's metaclass, which takes ten times as long
        return token.parts
    header, payload, signing_input, signature = split(token, max_size)
    return (
        headers.remembered.get(header) or headers.read(header),
        base64url.decode(payload),
        signing_input,
        base64url.decode(signature),
    )


def split(token: object, max_size: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Split a compact JWS into header, payload, what is signed, and signature; nothing is decoded.

    Raises:
        JOSEError: ``too_large`` or ``malformed``.
    """
    if type(token) is not str and not isinstance(token, (str, bytes)):
        raise JOSEError("malformed", "a compact JWS is text (RFC 7515 §3.1); the JSON serializations are not taken")
    if len(token) > max_size:
        raise JOSEError("too_large", f"the token is longer than {max_size} bytes")
    if isinstance(token, str):
        token = token.encode("ascii", "replace")  # to "?", which base64url refuses
    signing_input, _, signature = token.rpartition(b".")
    header, dot, payload = signing_input.partition(b".")
    if not dot or _DOT in payload:
        raise JOSEError("malformed", "a compact JWS has three parts (RFC 7515 §3.1); this is not one, perhaps a JWE")
    return header, payload, signing_input, signature
