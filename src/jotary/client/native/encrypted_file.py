"""A file sealed with a passphrase, for machines without a keychain; used only by who asks for it (design §6.6)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from jotary.client.native.errors import StoreError
from jotary.client.native.file_lock import try_lock_file
from jotary.client.native.state_folder import make_private
from jotary.client.native.token_store import HeldLock
from jotary.client.native.whole_file import replace_file
from jotary.oauth.secret import Secret

#: Bytes of a file that are read at all.
MAX_SIZE: Final = 1 << 18

# The first byte stands for everything below: a file never chooses its own parameters, or it could choose weak ones.
_VERSION: Final = b"\x01"
_SALT: Final = slice(1, 17)
_NONCE: Final = slice(17, 29)
_HEAD: Final = 29
_TAG: Final = 16
#: 128 MiB and a fraction of a second for each guess (RFC 7914 §2).
_COST: Final = 1 << 17

_WRONG: Final = "Give the passphrase that it was sealed with. Without it, remove the file and sign in again."


class EncryptedFileStore:
    """A `TokenStore` in a file, sealed by AES-256-GCM under a key that scrypt makes of a passphrase (RFC 7914).

    The session is as safe as the passphrase is long; a keychain is better where there is one.

    Args:
        path: the file; its folder is made if need be, and must be this person's alone.
        passphrase: asks for it, when it is needed first.
        entropy: so many bytes that nobody can guess.
    """

    def __init__(self, path: Path, *, passphrase: Callable[[], Secret], entropy: Callable[[int], bytes]) -> None:
        self._path = path
        self._ask = passphrase
        self._entropy = entropy
        self._passphrase: Secret | None = None
        self._key: tuple[bytes, bytes] | None = None  # salt and what it made, since making it takes long

    @property
    def max_length(self) -> int | None:
        """No limit that a session reaches."""
        return None

    def load(self) -> Secret | None:
        """Open the file.

        Raises:
            StoreError: it cannot be read, or the passphrase is wrong, or it was changed; nobody can tell which.
        """
        try:
            with self._path.open("rb") as file:
                message = file.read(MAX_SIZE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self._path} cannot be read", hint="Make it yours: chown, then chmod 600.") from error
        if not _HEAD + _TAG <= len(message) <= MAX_SIZE or message[:1] != _VERSION:
            raise StoreError(f"{self._path} is not a sealed session", hint="Remove it, and sign in again.")
        try:
            cipher = AESGCM(self._derive(message[_SALT]))
            text = cipher.decrypt(message[_NONCE], message[_HEAD:], message[:_HEAD]).decode()
        except InvalidTag as error:
            self._passphrase = self._key = None  # the next attempt asks again
            raise StoreError(f"{self._path} cannot be opened", hint=_WRONG) from error
        return Secret(text)

    def save(self, text: Secret) -> None:
        """Seal into a new file and put it in the place of the old one, in one step."""
        salt = self._key[0] if self._key else self._entropy(16)
        key = self._derive(salt)
        head = _VERSION + salt + self._entropy(12)
        sealed = head + AESGCM(key).encrypt(head[_NONCE], text.reveal().encode(), head)
        make_private(self._path.parent)
        try:
            replace_file(self._path, sealed)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written ({error.strerror})", hint="Name another file.") from error

    def delete(self) -> None:
        """Remove the file."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be removed ({error.strerror})", hint="Remove it.") from error

    def try_lock(self) -> HeldLock | None:
        """A lock on a file beside it, since the file itself is replaced each time."""
        make_private(self._path.parent)
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            return try_lock_file(lock)
        except OSError as error:
            raise StoreError(
                f"{lock} cannot be locked ({error.strerror})", hint="Make it yours: chown, then chmod 600."
            ) from error

    def _derive(self, salt: bytes) -> bytes:
        if self._key is None or self._key[0] != salt:
            if self._passphrase is None:
                self._passphrase = self._ask()
            scrypt = Scrypt(salt=salt, length=32, n=_COST, r=8, p=1)
            # What a terminal or the environment gives need not be UTF-8: its bytes are taken as they are (PEP 383).
            self._key = salt, scrypt.derive(self._passphrase.reveal().encode(errors="surrogateescape"))
        return self._key[1]
