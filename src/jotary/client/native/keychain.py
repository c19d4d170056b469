"""The system's keychain: macOS Keychain, Windows Credential Locker, Secret Service or KWallet, through keyring."""

import hashlib
from pathlib import Path
from typing import Final

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

from jotary.client.native.errors import StoreError
from jotary.client.native.file_lock import try_lock_file
from jotary.client.native.state_folder import make_private, state_folder
from jotary.client.native.token_store import HeldLock
from jotary.oauth.secret import Secret

#: Backends that encrypt for this person, and ask before another program may read. Any other one, such as a file that is
#: not encrypted, is used only by who passes it.
_KEYCHAINS: Final = frozenset(
    f"keyring.backends.{name}" for name in ("macOS", "Windows", "SecretService", "libsecret", "kwallet")
)
#: Those that keep nothing, or refuse everything.
_NO_KEYCHAINS: Final = frozenset({"keyring.backends.null", "keyring.backends.fail"})
#: Windows keeps 2,560 bytes of UTF-16 in a credential (CRED_MAX_CREDENTIAL_BLOB_SIZE).
_WINDOWS_MAX_LENGTH: Final = 1_280

_HINT: Final = (
    "Unlock or install the system's keychain (on Linux a Secret Service, such as gnome-keyring or KWallet, in a "
    "desktop session), or ask for the encrypted file: --store file, or EncryptedFileStore."
)


class KeychainStore:
    """A `TokenStore` in the system's keychain.

    Args:
        issuer: whose tokens they are.
        client_id: of this application.
        backend: what keeps them; None takes the system's own, and refuses to keep tokens anywhere else.
        folder: for the lock, which holds no secret; None takes this person's folder for state.

    Raises:
        StoreError: there is no keychain, or what keyring is set up to use is none.
    """

    def __init__(
        self, *, issuer: str, client_id: str, backend: KeyringBackend | None = None, folder: Path | None = None
    ) -> None:
        self._backend = _checked(backend) if backend is not None else _system_keychain()
        self._service = f"jotary {issuer}"
        self._name = client_id
        digest = hashlib.sha256(f"{issuer}\n{client_id}".encode()).hexdigest()
        self._lock = make_private(folder or state_folder()) / f"{digest[:32]}.lock"

    @property
    def max_length(self) -> int | None:
        """What Windows allows; the others have no limit that matters."""
        return _WINDOWS_MAX_LENGTH if type(self._backend).__module__ == "keyring.backends.Windows" else None

    def load(self) -> Secret | None:
        """What the keychain has."""
        try:
            text = self._backend.get_password(self._service, self._name)
        except Exception as error:
            raise _failure("read", error) from error
        return None if text is None else Secret(text)

    def save(self, text: Secret) -> None:
        """Replace what the keychain has."""
        try:
            self._backend.set_password(self._service, self._name, text.reveal())
        except Exception as error:
            raise _failure("written", error) from error

    def delete(self) -> None:
        """Take it out of the keychain."""
        if self.load() is None:
            return
        try:
            self._backend.delete_password(self._service, self._name)
        except Exception as error:
            raise _failure("changed", error) from error

    def try_lock(self) -> HeldLock | None:
        """A lock on a file, since keychains have none."""
        try:
            return try_lock_file(self._lock)
        except OSError as error:
            raise StoreError(
                f"{self._lock} cannot be locked ({error.strerror})", hint="Make it yours: chown, then chmod 600."
            ) from error


def _failure(verb: str, error: Exception) -> StoreError:
    """Each backend raises errors of its own, with texts that say little: the kind is what is told."""
    return StoreError(f"the keychain cannot be {verb} ({type(error).__name__})", hint=_HINT)


def _system_keychain() -> KeyringBackend:
    """The keychain that keyring is set up to use, or the first one that it finds."""
    try:
        found = keyring.get_keyring()
    except Exception as error:  # it is set up to use something that is not there
        raise _failure("found", error) from error
    for backend in found.backends if isinstance(found, ChainerBackend) else [found]:
        if type(backend).__module__ in _KEYCHAINS:
            return backend
    raise StoreError(f"there is no keychain here, only {_name_of(found)}", hint=_HINT)


def _checked(backend: KeyringBackend) -> KeyringBackend:
    if type(backend).__module__ in _NO_KEYCHAINS:
        raise StoreError(f"{_name_of(backend)} keeps nothing", hint=_HINT)
    return backend


def _name_of(backend: KeyringBackend) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"
