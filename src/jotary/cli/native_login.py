"""Which login `jotary token` and `jotary logout` are about: written by `jotary login`, and no secret."""

import os
import secrets
from pathlib import Path
from typing import Final, Literal

import click
import msgspec

from jotary.client.native import EncryptedFileStore, KeychainStore, NativeApp, NotSignedInError, TokenStore
from jotary.client.native.state_folder import make_private, state_folder
from jotary.client.native.whole_file import replace_file
from jotary.oauth.secret import Secret

#: Where a script leaves the passphrase of the encrypted file.
PASSPHRASE: Final = "JOTARY_PASSPHRASE"  # noqa: S105 -- the name of a variable

StoreKind = Literal["keychain", "file"]


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The client that somebody signed in with, and what keeps the tokens."""

    issuer: str
    client_id: str
    store: StoreKind

    def app(self) -> NativeApp:
        """The application that goes on with the session. Raises StoreError.

        A passphrase is asked for now: an interrupt would not reach the thread in which the file is opened.
        """
        passphrase = ask_passphrase() if self.store == "file" and sealed_file().exists() else Secret("")
        return NativeApp(issuer=self.issuer, client_id=self.client_id, store=self.token_store(passphrase))

    def token_store(self, passphrase: Secret) -> TokenStore:
        """What keeps the tokens; the passphrase is for a file. Raises StoreError."""
        if self.store == "keychain":
            return KeychainStore(issuer=self.issuer, client_id=self.client_id)
        return EncryptedFileStore(sealed_file(), passphrase=lambda: passphrase, entropy=secrets.token_bytes)


def sealed_file() -> Path:
    """Where `--store file` keeps the session."""
    return state_folder() / "session.sealed"


def ask_passphrase(*, new: bool = False) -> Secret:
    """The passphrase of the encrypted file, from the environment or the person; a new one is asked for twice."""
    value = os.environ.get(PASSPHRASE) or click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    return Secret(value)


def find_login() -> Login | None:
    """The login that is remembered, or None.

    Raises:
        ClickException: the record cannot be read.
    """
    try:
        return msgspec.json.decode(_record().read_bytes(), type=Login)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise click.ClickException(f"{_record()} is not what `jotary login` wrote. Remove it.") from None


def current_login() -> Login:
    """The login that is remembered.

    Raises:
        NotSignedInError: there is none.
    """
    login = find_login()
    if login is None:
        raise NotSignedInError("nobody is signed in", hint="Sign in first: jotary login")
    return login


def remember(login: Login) -> None:
    """Write down which login it is."""
    make_private(_record().parent)
    replace_file(_record(), msgspec.json.encode(login))


def forget() -> None:
    """There is none any more."""
    _record().unlink(missing_ok=True)


def _record() -> Path:
    return state_folder() / "login.json"
