"""Private keys at rest: AES-256-GCM under a key derived from the server's secret (design §6.2).

version, 1 byte ‖ nonce, 12 bytes ‖ ciphertext with its tag; the version and the key's `kid` are associated data, so
that a sealed key cannot be moved to another row. A stamp has the same form and an empty message: the version and what
is stamped are its associated data. The versions differ, so that neither passes as the other.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: Random bytes that each sealing takes (NIST SP 800-38D §8.2.2).
NONCE_SIZE: Final = 12

_SEALED: Final = b"\x01"
_STAMPED: Final = b"\x02"
_BODY: Final = 1 + NONCE_SIZE


class SealError(Exception):
    """A sealed key does not open: another secret sealed it, it belongs to another row, or it was changed."""


class Sealer:
    """Seals under one key and opens under several, which it never shows.

    Args:
        key: 32 bytes, derived from the server's secret for this purpose alone.
        accepted: keys of the same kind, derived from the secrets that are accepted beside it.
    """

    __slots__ = ("_cipher", "_ciphers")

    def __init__(self, key: bytes, *accepted: bytes) -> None:
        if any(len(each) != 32 for each in (key, *accepted)):  # noqa: PLR2004 -- AES-256; AESGCM would take shorter ones
            raise ValueError("the sealing key has 32 bytes")
        self._cipher = AESGCM(key)
        self._ciphers = (self._cipher, *(AESGCM(each) for each in accepted))

    def seal(self, plaintext: bytes, *, kid: str, nonce: bytes) -> bytes:
        """Seal the private part of the key `kid`; `nonce` is `NONCE_SIZE` bytes that were never used before."""
        return self._encrypt(_SEALED, plaintext, kid.encode(), nonce)

    def unseal(self, sealed: bytes, *, kid: str) -> bytes:
        """Open what `seal` made for the same `kid`.

        Raises:
            SealError: it does not open; the text says what to look at and holds nothing secret.
        """
        for cipher in self._ciphers:
            plaintext = _open(cipher, sealed, kid)
            if plaintext is not None:
                return plaintext
        raise SealError(
            f"the signing key {kid} does not open: was the server's secret changed? Start with the secret that "
            "sealed it, or with that one among the accepted_secrets, or give up the old keys with `jotary key rotate "
            "--compromised`"
        )

    def is_current(self, sealed: bytes, *, kid: str) -> bool:
        """Whether it opens under the key that seals, and not only under one that is accepted beside it.

        Raises:
            SealError: it is sealed in a format that this version does not know.
        """
        return _open(self._cipher, sealed, kid) is not None

    def stamp(self, text: bytes, *, nonce: bytes) -> bytes:
        """What nobody makes for this text without the secret; `nonce` as for `seal`."""
        return self._encrypt(_STAMPED, b"", text, nonce)

    def is_stamp(self, stamp: bytes, *, text: bytes) -> bool:
        """Whether `stamp` was made for this text, under the present key or an accepted one."""
        return any(_decrypt(cipher, _STAMPED, stamp, text) is not None for cipher in self._ciphers)

    def is_current_stamp(self, stamp: bytes, *, text: bytes) -> bool:
        """Whether it was made under the key that seals."""
        return _decrypt(self._cipher, _STAMPED, stamp, text) is not None

    def _encrypt(self, version: bytes, plaintext: bytes, about: bytes, nonce: bytes) -> bytes:
        if len(nonce) != NONCE_SIZE:
            raise ValueError(f"sealing takes a nonce of {NONCE_SIZE} bytes")
        return version + nonce + self._cipher.encrypt(nonce, plaintext, version + about)


def _open(cipher: AESGCM, sealed: bytes, kid: str) -> bytes | None:
    if sealed[:1] != _SEALED:
        raise SealError(f"the signing key {kid} is sealed in a format that this version does not know")
    return _decrypt(cipher, _SEALED, sealed, kid.encode())


def _decrypt(cipher: AESGCM, version: bytes, text: bytes, about: bytes) -> bytes | None:
    if text[:1] != version:
        return None
    try:
        return cipher.decrypt(text[1:_BODY], text[_BODY:], version + about)
    except (InvalidTag, ValueError):
        return None
