"""Sealing what the browser carries for us: AES-256-GCM under keys that follow from the application's secret."""

from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from jotary.jose import JOSEError, base64url

#: Bytes that a secret must have.
MINIMUM_SECRET_SIZE: Final = 32
#: Random bytes that sealing takes: a salt for the message's own key, and a nonce.
SEALING_ENTROPY: Final = 24

#: Bytes that sealing adds: version, salt, nonce and tag.
SEALING_OVERHEAD: Final = 1 + SEALING_ENTROPY + 16

_VERSION = b"\x01"
_SALT = slice(1, 13)
_NONCE = slice(13, 25)


class Sealer:
    """Seals and opens texts, each for one purpose.

    Each message gets a key of its own, derived from the secret and the message's salt, so that the number of sessions
    is not bounded by the collisions of 96-bit nonces under one key (NIST SP 800-38D §8.3).

    Args:
        secrets: the first one seals; all of them open, so that a secret is replaced without signing anybody out.

    Raises:
        ValueError: there is none, or one is too short.
    """

    def __init__(self, secrets: Sequence[bytes]) -> None:
        if not secrets or any(len(secret) < MINIMUM_SECRET_SIZE for secret in secrets):
            raise ValueError(f"give at least one secret, each of at least {MINIMUM_SECRET_SIZE} random bytes")
        self._roots = [_derive_root(secret) for secret in secrets]

    def __repr__(self) -> str:
        """The number of secrets."""
        return f"<Sealer {len(self._roots)} secrets>"

    def seal(self, text: bytes, *, purpose: str, entropy: bytes) -> str:
        """Return the sealed text in base64url.

        Args:
            text: what nobody else may read or change.
            purpose: where it may be opened again, such as the name of its cookie.
            entropy: `SEALING_ENTROPY` random bytes.
        """
        if len(entropy) != SEALING_ENTROPY:
            raise ValueError(f"sealing takes {SEALING_ENTROPY} random bytes")
        head = _VERSION + entropy
        cipher = _cipher(self._roots[0], head)
        return base64url.encode(head + cipher.encrypt(head[_NONCE], text, _associated(purpose)))

    def open(self, sealed: str, *, purpose: str) -> bytes | None:
        """Return what was sealed for this purpose, or None for anything else at all."""
        try:
            message = base64url.decode(sealed)
        except JOSEError:
            return None
        if len(message) < SEALING_OVERHEAD or message[:1] != _VERSION:
            return None
        for root in self._roots:
            try:
                return _cipher(root, message).decrypt(message[_NONCE], message[25:], _associated(purpose))
            except InvalidTag:
                continue
        return None


def _derive_root(secret: bytes) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=b"jotary/bff/seal/v1").derive(secret)


def _cipher(root: bytes, message: bytes) -> AESGCM:
    return AESGCM(HKDFExpand(hashes.SHA256(), length=32, info=b"message" + message[_SALT]).derive(root))


def _associated(purpose: str) -> bytes:
    return b"jotary/bff/v1\x00" + purpose.encode()
