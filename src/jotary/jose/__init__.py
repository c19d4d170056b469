"""JOSE: bytes in, bytes out (RFC 7515, 7517, 7518, 7519, 7638, 7797, 8037). No I/O, no clock.

``jws`` and ``jwt`` sign and verify; ``Key`` and ``KeySet`` read keys; every refusal is a ``JOSEError``.
"""

from jotary.jose import base64url, jws, jwt, strict_json
from jotary.jose.compact import UnverifiedToken
from jotary.jose.errors import JOSEError
from jotary.jose.jws import Signed
from jotary.jose.jwt import VerifiedToken
from jotary.jose.key import Key
from jotary.jose.key_set import IgnoredKey, KeySet

__all__ = [
    "IgnoredKey",
    "JOSEError",
    "Key",
    "KeySet",
    "Signed",
    "UnverifiedToken",
    "VerifiedToken",
    "base64url",
    "jws",
    "jwt",
    "strict_json",
]
