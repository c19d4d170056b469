"""Hashes that other systems made: PBKDF2 and scrypt, as Django, passlib and Werkzeug write them.

They are verified as they stand, never made; the first sign-in replaces them by Argon2id.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

_SHORTEST: Final = 16  # bytes; a digest shorter than this is a broken one

Derive = Callable[[bytes], bytes]  # from password to digest

_SCRYPT_MEMORY: Final = 256 * 1024 * 1024  # bytes; a hash that asks for more is refused instead of starving the server


def verify(text: str, password: str) -> bool | None:
    """Whether the password fits the hash; None when the hash is of no known format."""
    for pattern, read in _FORMATS:
        found = pattern.fullmatch(text)
        if found is not None:
            try:
                derive, digest = read(found)
                return None if len(digest) < _SHORTEST else hmac.compare_digest(derive(password.encode()), digest)
            except (ValueError, OverflowError):  # parameters that no library takes, broken base64
                return None
    return None


def _pbkdf2(hash_name: str, salt: bytes, rounds: str, digest: bytes) -> tuple[Derive, bytes]:
    return lambda password: hashlib.pbkdf2_hmac(hash_name, password, salt, int(rounds), len(digest)), digest


def _scrypt(salt: bytes, n: int, r: str, p: str, digest: bytes) -> tuple[Derive, bytes]:
    return lambda password: hashlib.scrypt(
        password, salt=salt, n=n, r=int(r), p=int(p), maxmem=_SCRYPT_MEMORY, dklen=len(digest)
    ), digest


def _django_pbkdf2(found: re.Match[str]) -> tuple[Derive, bytes]:
    name, rounds, salt, digest = found.groups()
    return _pbkdf2(name, salt.encode(), rounds, _base64(digest))


def _passlib_pbkdf2(found: re.Match[str]) -> tuple[Derive, bytes]:
    name, rounds, salt, digest = found.groups()
    return _pbkdf2(name, _base64(salt), rounds, _base64(digest))


def _werkzeug_pbkdf2(found: re.Match[str]) -> tuple[Derive, bytes]:
    name, rounds, salt, digest = found.groups()
    return _pbkdf2(name, salt.encode(), rounds, bytes.fromhex(digest))


def _django_scrypt(found: re.Match[str]) -> tuple[Derive, bytes]:
    salt, n, r, p, digest = found.groups()
    return _scrypt(salt.encode(), int(n), r, p, _base64(digest))


def _passlib_scrypt(found: re.Match[str]) -> tuple[Derive, bytes]:
    log_n, r, p, salt, digest = found.groups()
    return _scrypt(_base64(salt), 1 << int(log_n), r, p, _base64(digest))


def _werkzeug_scrypt(found: re.Match[str]) -> tuple[Derive, bytes]:
    n, r, p, salt, digest = found.groups()
    return _scrypt(salt.encode(), int(n), r, p, bytes.fromhex(digest))


def _base64(text: str) -> bytes:
    """Base64 with or without padding, in the usual alphabet or in passlib's, which writes '.' for '+'."""
    text = text.replace(".", "+").rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


_HASH: Final = "(sha1|sha256|sha512)"
_B64: Final = r"([A-Za-z0-9+/.]+={0,2})"
# Digits bound what one verification may cost, before any of them reaches a library.
_ROUNDS: Final = "([1-9][0-9]{0,6})"
_SMALL: Final = "([1-9][0-9]?)"
_LOG_N: Final = "([1-9]|[12][0-9])"

# One row per format.
_FORMATS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[Derive, bytes]]], ...]] = (
    (re.compile(rf"pbkdf2_{_HASH}\${_ROUNDS}\$([^$]+)\${_B64}"), _django_pbkdf2),
    (re.compile(rf"\$pbkdf2-{_HASH}\$(?:i=)?{_ROUNDS}(?:,l=[0-9]+)?\${_B64}\${_B64}"), _passlib_pbkdf2),
    (re.compile(rf"pbkdf2:{_HASH}:{_ROUNDS}\$([^$]+)\$([0-9a-f]+)"), _werkzeug_pbkdf2),
    (re.compile(rf"scrypt\$([^$]+)\${_ROUNDS}\${_SMALL}\${_SMALL}\${_B64}"), _django_scrypt),
    (re.compile(rf"\$scrypt\$ln={_LOG_N},r={_SMALL},p={_SMALL}\${_B64}\${_B64}"), _passlib_scrypt),
    (re.compile(rf"scrypt:{_ROUNDS}:{_SMALL}:{_SMALL}\$([^$]+)\$([0-9a-f]+)"), _werkzeug_scrypt),
)
