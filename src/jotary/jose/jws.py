"""Compact JSON Web Signatures: sign, parse, verify (RFC 7515 §3.1, §5; RFC 7797)."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature

from jotary.jose import base64url, strict_json
from jotary.jose import header as headers
from jotary.jose.algorithms import ALGORITHMS
from jotary.jose.errors import JOSEError
from jotary.jose.header import Header
from jotary.jose.key import Key
from jotary.jose.key_set import KeySet

MAX_SIZE = 16_384  # bytes; a token travels in an HTTP header


class Signed(msgspec.Struct, frozen=True, eq=False):
    """What a verified signature covers.

    Attributes:
        header: the protected header.
        payload: the bytes that were signed.
    """

    header: dict[str, Any]
    payload: bytes

    def __repr__(self) -> str:
        return f"<Signed {len(self.payload)} bytes>"


class UnverifiedToken(msgspec.Struct, frozen=True, eq=False):
    """A token that was taken apart and not verified: nothing in it may be believed. Only ``parse`` makes one.

    Attributes:
        payload: the decoded payload; empty when it is detached.
        signing_input: the bytes that the signature covers, unless the payload is detached.
        signature: the decoded signature.
    """

    _header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes

    @property
    def header(self) -> dict[str, Any]:
        """A copy of the header."""
        return dict(self._header.members)

    @property
    def algorithm(self) -> str:
        """The header's ``alg``."""
        return self._header.alg

    @property
    def kid(self) -> str | None:
        """The header's ``kid``."""
        return self._header.kid

    def __repr__(self) -> str:
        return f"<UnverifiedToken {len(self.signing_input)} bytes>"


def parse(token: str | bytes, *, max_size: int = MAX_SIZE) -> UnverifiedToken:
    """Take a compact JWS apart without verifying it.

    Args:
        token: three base64url parts with dots between.
        max_size: bytes; a longer token is refused before anything is decoded.

    Raises:
        JOSEError: ``too_large``, ``malformed``, ``bad_base64url``, ``bad_json``, ``unsupported_critical_header``.
    """
    if len(token) > max_size:
        raise JOSEError("too_large", f"the token is longer than {max_size} bytes")
    if isinstance(token, str):
        if not token.isascii():
            raise JOSEError("malformed", "a token consists of ASCII characters")
        token = token.encode("ascii")
    signing_input, last_dot, signature = token.rpartition(b".")
    header_text, first_dot, payload_text = signing_input.partition(b".")
    if not first_dot or not last_dot or b"." in payload_text:
        raise JOSEError("malformed", "a compact JWS has three parts (RFC 7515 §3.1); a JWE or JSON form is not taken")
    header = headers.read(header_text)
    return UnverifiedToken(header, base64url.decode(payload_text), signing_input, base64url.decode(signature))


def verify(
    token: str | bytes | UnverifiedToken,
    key: Key | KeySet,
    *,
    algorithms: Collection[str],
    payload: bytes | None = None,
    max_size: int = MAX_SIZE,
) -> Signed:
    """Verify a compact JWS with a key that the caller trusts; keys that the token brings are never used.

    Args:
        token: the token, or what ``parse`` made of it.
        key: one key, or the set from which the token's kid and algorithm choose one.
        algorithms: the names of the algorithms that are accepted, such as ``{"ES256"}``.
        payload: the detached payload (RFC 7515 appendix F, RFC 7797 §5). The token's own must then be empty.
        max_size: bytes; a longer token is refused before anything is decoded.

    Raises:
        JOSEError: as ``parse``, and ``unsupported_algorithm``, ``algorithm_not_allowed``, ``unknown_key``,
            ``key_not_usable``, ``bad_signature``.
        TypeError: when ``algorithms`` is one string.
    """
    unverified = token if isinstance(token, UnverifiedToken) else parse(token, max_size=max_size)
    header = unverified._header
    message, content = _covered(unverified, payload)
    check_signature(header, unverified.signature, message, key, algorithms)
    return Signed(dict(header.members), content)


def check_signature(
    header: Header, signature: bytes, message: bytes, key: Key | KeySet, algorithms: Collection[str]
) -> None:
    """Choose the algorithm and the key, and check the signature.

    Raises:
        JOSEError: as ``verify``.
    """
    algorithm = header.alg
    if isinstance(algorithms, str):  # "S" would be in it
        raise TypeError("algorithms must be a collection of names, not one string")
    if algorithm not in ALGORITHMS:
        raise JOSEError("unsupported_algorithm", f"an algorithm must be one of {', '.join(ALGORITHMS)}")
    if algorithm not in algorithms:
        raise JOSEError("algorithm_not_allowed", "the token's algorithm is not among those that the caller accepts")
    chosen = key.select(header.kid, algorithm) if isinstance(key, KeySet) else key
    check = chosen.verifier(algorithm)
    if not _holds(check, signature, message):
        raise JOSEError("bad_signature", "the signature does not verify with the chosen key")
    headers.remember(header)


def _holds(check: Any, signature: bytes, message: bytes) -> bool:
    try:
        check(signature, message)
    except InvalidSignature:
        return False
    return True


def _covered(token: UnverifiedToken, detached: bytes | None) -> tuple[bytes, bytes]:
    """Return the signing input and the payload."""
    header = token._header
    if detached is None:
        if header.unencoded:
            raise JOSEError("malformed", "an unencoded payload must be passed detached (RFC 7797 §5)")
        return token.signing_input, token.payload
    if token.payload:
        raise JOSEError("malformed", "the payload was passed detached, but the token has its own")
    # RFC 7797 §3: with b64=false the payload is signed as it is
    signed = detached if header.unencoded else base64url.encode_bytes(detached)
    return header.text + b"." + signed, detached


def sign(payload: bytes, key: Key, *, header: Mapping[str, Any] | None = None) -> str:
    """Sign bytes and return the compact JWS.

    Args:
        payload: what is signed.
        key: a private or symmetric key.
        header: further members. ``alg`` is the key's unless it has none; ``kid`` is the key's unless it is given.

    Raises:
        JOSEError: ``key_not_usable``, ``unsupported_algorithm``, ``malformed`` or ``bad_json`` for the header.
    """
    members = {"alg": key.alg, "kid": key.kid, **(header or {})}
    members = {name: value for name, value in members.items() if value is not None}
    return sign_with(payload, key, headers.check(members).alg, base64url.encode_bytes(strict_json.dumps(members)))


def sign_with(payload: bytes, key: Key, algorithm: str, header_text: bytes) -> str:
    """Sign bytes under a header that is already encoded."""
    message = header_text + b"." + base64url.encode_bytes(payload)
    return (message + b"." + base64url.encode_bytes(key.signer(algorithm)(message))).decode("ascii")
