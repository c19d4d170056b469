"""The key of backups: a file of its own, made once and kept apart from the backups and from the server.

It is not derived from the server's secret: who replaces a secret that leaked must still be able to read the backups,
and who finds the secret must not (docs/decisions/0012).
"""

import os
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jotary.jose import JOSEError, base64url
from jotary.server.settings.durable import sync_folder
from jotary.server.store.backup.error import BackupError

KEY_SIZE: Final = 32
#: Bytes by which a backup says which key opens it. They tell nothing about the key.
KEY_ID_SIZE: Final = 8

_PREFIX: Final = "jotary-backup-key-"
_MAX_FILE_SIZE: Final = 1024
_NEW_KEY: Final = "Make one with: jotary backup --new-key FILE"


class BackupKey:
    """32 random bytes, which it never shows.

    Attributes:
        id: `KEY_ID_SIZE` bytes by which it is recognised.
    """

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise ValueError(f"the key of backups has {KEY_SIZE} bytes")
        self._key = key
        self.id = self._derive(b"", b"jotary/backup/id/v1", KEY_ID_SIZE)

    def for_file(self, salt: bytes, header: bytes) -> bytes:
        """The 32-byte key of one file. The header is bound in: a changed one leads to a key that opens nothing."""
        return self._derive(salt, b"jotary/backup/file/v1" + header, KEY_SIZE)

    def _derive(self, salt: bytes, info: bytes, size: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(self._key)


def create_key(path: Path, entropy: bytes) -> BackupKey:
    """Write a new key, readable by its owner alone; `entropy` is `KEY_SIZE` random bytes.

    Raises:
        BackupError: the file is there already, or cannot be written.
    """
    key = BackupKey(entropy)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}", hint="Name a file that is not there yet.") from None
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{_PREFIX}{base64url.encode(entropy)}\n")
            file.flush()
            os.fsync(descriptor)
        sync_folder(path.parent)  # before a backup is sealed with it
    except OSError as error:
        path.unlink()  # half a key would stand in the way of the next one
        raise BackupError(f"{path}: {error.strerror}", hint="Name a file on another disk.") from None
    return key


def read_key(path: Path) -> BackupKey:
    """Return the key that a file holds.

    Raises:
        BackupError: it cannot be read, or holds no key of backups.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_SIZE).decode("ascii").strip()
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}", hint=_NEW_KEY) from None
    except UnicodeDecodeError:
        raise _no_key(path) from None  # the decoding error holds the bytes that it refused
    try:
        return BackupKey(base64url.decode(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else b"")
    except (JOSEError, ValueError):
        raise _no_key(path) from None


def _no_key(path: Path) -> BackupError:
    return BackupError(f"{path} holds no key of backups", hint=_NEW_KEY)
