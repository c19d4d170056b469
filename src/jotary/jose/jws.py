"""Compact JSON Web Signatures: sign, parse, verify (RFC 7515 §3.1, §5; RFC 7797)."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature

from jotary.jose import base64url, compact, strict_json
from jotary.jose import header as headers
from jotary.jose.algorithms import ALGORITHMS, unsupported_algorithm
from jotary.jose.compact import MAX_SIZE, UnverifiedToken
from jotary.jose.errors import JOSEError
from jotary.jose.header import Header
from jotary.jose.key import Key
from jotary.jose.key_set import KeySet


class Signed(msgspec.Struct, frozen=True, eq=False):
    """What a verified signature covers.

    Attributes:
        header: the protected header.
        payload: the bytes that were signed.
    """

    header: dict[str, Any]
    payload: bytes

    def __repr__(self) -> str:
        """Return the size alone."""
        return f"<Signed {len(self.payload)} bytes>"


def parse(token: str | bytes, *, max_size: int = MAX_SIZE) -> UnverifiedToken:
    """Take a compact JWS apart without verifying it.

    Args:
        token: three base64url parts with dots between.
        max_size: bytes; a longer token is refused before anything is decoded.

    Raises:
        JOSEError: ``too_large``, ``malformed``, ``bad_base64url``, ``bad_json``, ``unsupported_critical_header``.
    """
    return UnverifiedToken(compact.take_apart(token, max_size))


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
    header, content, message, signature = compact.take_apart(token, max_size)
    if payload is not None:
        message, content = _detached(header, content, payload), payload
    elif header.unencoded:
        raise JOSEError("malformed", "an unencoded payload must be passed detached (RFC 7797 §5)")
    check_signature(header, signature, message, key, algorithms)
    return Signed(dict(header.members), content)


def check_signature(
    header: Header, signature: bytes, message: bytes, key: Key | KeySet, algorithms: Collection[str]
) -> None:
    """Choose the algorithm and the key, and check the signature.

    Raises:
        JOSEError: as ``verify``.
    """
    name = header.alg
    if type(algorithms) is str or name not in algorithms:
        raise _not_accepted(name, algorithms)
    try:
        key.verifier(name, header.kid)(signature, message)
    except InvalidSignature:
        pass  # raised below, so that the refusal carries no context
    else:
        if header.text not in headers.remembered:
            headers.remember(header)
        return
    raise bad_signature()


def bad_signature() -> JOSEError:
    """Return the error for a signature that does not verify."""
    return JOSEError("bad_signature", "the signature does not verify with the chosen key")


def _not_accepted(name: str, algorithms: Collection[str]) -> Exception:
    if isinstance(algorithms, str):  # "S" would be in it
        return TypeError("algorithms must be a collection of names, not one string")
    if name not in ALGORITHMS:
        return unsupported_algorithm()
    return JOSEError("algorithm_not_allowed", "the token's algorithm is not among those that the caller accepts")


def _detached(header: Header, attached: bytes, payload: bytes) -> bytes:
    """Return what the signature over a detached payload covers."""
    if attached:
        raise JOSEError("malformed", "the payload was passed detached, but the token has its own")
    # RFC 7797 §3: with b64=false the payload is signed as it is
    return header.text + b"." + (payload if header.unencoded else base64url.encode_bytes(payload))


def sign(payload: bytes, key: Key, *, header: Mapping[str, Any] | None = None) -> str:
    """Sign bytes and return the compact JWS.

    Args:
        payload: what is signed.
        key: a private or symmetric key.
        header: further members; one that is None is left out. ``alg`` is needed where the key is not for one algorithm
            alone; ``kid`` is the key's unless it is given.

    Raises:
        JOSEError: ``key_not_usable``, ``unsupported_algorithm``, ``malformed`` or ``bad_json`` for the header.
    """
    members = {"alg": key.alg, "kid": key.kid, **(header or {})}
    members = {name: value for name, value in members.items() if value is not None}
    header_text = base64url.encode_bytes(strict_json.dumps(members))
    checked = headers.check(members, header_text)
    if checked.unencoded:
        raise JOSEError("malformed", "signing an unencoded payload is not supported (RFC 7797)")
    return sign_with(payload, key, checked.alg, header_text)


def sign_with(payload: bytes, key: Key, algorithm: str, header_text: bytes) -> str:
    """Sign bytes under a header that was checked and encoded before, for who signs many tokens under the same one.

    Args:
        payload: what is signed.
        key: a private or symmetric key.
        algorithm: the header's ``alg``.
        header_text: the header's JSON in base64url.

    Raises:
        JOSEError: ``key_not_usable``.
    """
    message = header_text + b"." + base64url.encode_bytes(payload)
    return (message + b"." + base64url.encode_bytes(key.signer(algorithm)(message))).decode("ascii")
