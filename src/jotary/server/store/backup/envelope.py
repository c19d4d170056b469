"""A stream of bytes sealed in chunks: AES-256-GCM in the STREAM construction.

    magic, 14 bytes ‖ key id, 8 bytes ‖ salt, 32 bytes ‖ chunk ‖ … ‖ last chunk

Each file has a key of its own, from the salt and the header, so that nonces can count: 11 bytes of the chunk's number
and a byte that is 1 for the last one only. A chunk that is changed, missing, moved, repeated or taken from another
file does not open, nor does a file that was cut short or prolonged. Source: Hoang, Reyhanitabar, Rogaway, Vizár,
"Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (CRYPTO 2015), §7.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jotary.server.store.backup.error import BackupError
from jotary.server.store.backup.key import KEY_ID_SIZE, BackupKey

#: The last byte is the version of the format.
MAGIC: Final = b"jotary-backup\x01"
SALT_SIZE: Final = 32
#: Bytes of plaintext in every chunk but the last.
CHUNK: Final = 65_536

_TAG: Final = 16
_COUNTER: Final = 11  # bytes
_NO_ROOM: Final = "Make room there, or name another file."
_DAMAGED: Final = "It was changed, cut short or damaged on the way: take another copy."


def seal(plaintext: Iterable[bytes], file: BinaryIO, key: BackupKey, salt: bytes) -> None:
    """Write all of `plaintext` to `file`; `salt` is `SALT_SIZE` random bytes, never used before.

    Raises:
        BackupError: the file takes no more.
    """
    if len(salt) != SALT_SIZE:
        raise ValueError(f"a backup takes a salt of {SALT_SIZE} bytes")
    header = MAGIC + key.id + salt
    cipher = AESGCM(key.for_file(salt, header))
    _put(header, file)
    pending = bytearray()
    number = 0
    for piece in plaintext:
        pending += piece
        while len(pending) > CHUNK:  # one more byte: what is last is known at the end only
            _put(cipher.encrypt(_nonce(number, is_last=False), bytes(pending[:CHUNK]), None), file)
            del pending[:CHUNK]
            number += 1
    _put(cipher.encrypt(_nonce(number, is_last=True), bytes(pending), None), file)


def _put(data: bytes, file: BinaryIO) -> None:
    """A disk that is full is none of the database's failures, which `plaintext` may raise."""
    try:
        file.write(data)
    except OSError as error:
        raise BackupError(f"the backup cannot be written: {error.strerror}", hint=_NO_ROOM) from None


def unseal(file: BinaryIO, key: BackupKey) -> Iterator[bytes]:
    """Yield what `seal` wrote, chunk by chunk. Only when it ends without an error was all of it there.

    Raises:
        BackupError: it is no backup, another key sealed it, or it is not as it was written.
    """
    cipher = AESGCM(_file_key(file, key))
    chunk = file.read(CHUNK + _TAG)
    number = 0
    while True:
        following = file.read(CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), chunk, None)
        except InvalidTag:
            raise BackupError("the backup is not as it was written", hint=_DAMAGED) from None
        if not following:
            return
        chunk = following
        number += 1


def _file_key(file: BinaryIO, key: BackupKey) -> bytes:
    header = file.read(len(MAGIC) + KEY_ID_SIZE + SALT_SIZE)
    magic, rest = header[: len(MAGIC)], header[len(MAGIC) :]
    if magic[:-1] != MAGIC[:-1] or len(rest) < KEY_ID_SIZE + SALT_SIZE:
        raise BackupError("this is no backup of jotary", hint="Name a file that `jotary backup` wrote.")
    if magic != MAGIC:
        raise BackupError("a newer version of jotary wrote this backup", hint="Read it with that version.")
    if rest[:KEY_ID_SIZE] != key.id:
        raise BackupError("another key sealed this backup", hint="Name the key file that it was made with.")
    return key.for_file(rest[KEY_ID_SIZE:], header)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_COUNTER, "big") + bytes([is_last])
