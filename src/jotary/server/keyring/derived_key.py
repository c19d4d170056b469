"""One key for each purpose, all from the server's one secret (RFC 5869)."""

from typing import Final, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jotary.oauth.secret import Secret
from jotary.server.settings import Settings

Purpose = Literal["refresh-token", "csrf", "seal", "limits", "audit"]

KEY_SIZE: Final = 32


def derive_key(secret: Secret, purpose: Purpose) -> bytes:
    """The 32-byte key for one purpose. Keys of different purposes tell nothing about each other.

    No salt: every process must derive the same key, and the secret has at least 256 random bits (RFC 5869 §3.1).
    """
    info = f"jotary/{purpose}/v1".encode()
    return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=info).derive(secret.reveal().encode())


def derive_keys(settings: Settings, purpose: Purpose) -> tuple[bytes, ...]:
    """The keys for one purpose: first the one under which things are made, then those under which they are accepted."""
    return tuple(derive_key(secret, purpose) for secret in (settings.secret, *settings.accepted_secrets))
