"""The server's secret: where it is looked for, and how one is made for development."""

import os
import secrets
import shlex
from pathlib import Path
from typing import Final

import msgspec

from jotary.oauth.secret import Secret
from jotary.server.settings.checks import MIN_SECRET_BYTES
from jotary.server.settings.database import sqlite_file
from jotary.server.settings.durable import sync_folder
from jotary.server.settings.error import SettingsError
from jotary.server.settings.issuer import is_loopback_issuer
from jotary.server.settings.record import Settings

#: The file that development makes beside the database.
FILE_NAME: Final = "jotary.secret"

#: A command that makes a secret wherever Python is.
GENERATOR: Final = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"

_FEWEST_CHARACTERS: Final = 10  # different ones; 32 random characters of any alphabet in use have more
_MAX_FILE_SIZE: Final = 4096  # bytes


class FoundSecret(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The server's secret, and where it was."""

    secret: Secret
    origin: str  # a path, or the name of an environment variable
    is_new: bool = False  # made just now: the operator must hear of it


def find_secret(typed: str | None, *, settings: Settings, folder: Path, may_make: bool) -> FoundSecret:
    """Return the secret: from the environment, from `secret_file`, or, with a loopback issuer, one made here.

    Args:
        typed: what `JOTARY_SECRET` holds.
        settings: all other settings.
        folder: the working directory.
        may_make: False for who only looks.

    Raises:
        SettingsError: there is none, it cannot be read or written, or it is no secret.
    """
    if typed is not None:
        return FoundSecret(secret=checked_secret(typed, "JOTARY_SECRET"), origin="JOTARY_SECRET")
    if settings.secret_file is not None:
        return FoundSecret(secret=read_secret(Path(settings.secret_file)), origin=settings.secret_file)
    if not is_loopback_issuer(settings.issuer):
        hint = f"Name a secret_file (jotary init makes one), or set JOTARY_SECRET to what this prints: {GENERATOR}"
        raise SettingsError("is missing, and a public issuer never gets one by itself", hint=hint, name="secret")
    database = sqlite_file(settings.database)
    path = (database.parent if database else folder) / FILE_NAME
    if not may_make and not path.exists():
        hint = "Go to the server's folder, or name its --config. A server that starts for the first time makes one."
        raise SettingsError(f"is not in {path}", hint=hint, name="secret")
    is_new = may_make and _make(path)
    return FoundSecret(secret=read_secret(path), origin=str(path), is_new=is_new)


def _make(path: Path) -> bool:
    try:
        return create_secret(path)
    except FileNotFoundError:
        hint = f"Make it with: mkdir -p {shlex.quote(str(path.parent))}; or name a secret_file."
        raise SettingsError(f"cannot be made in {path}: its folder is not there", hint=hint, name="secret") from None
    except OSError as error:
        hint = "Let the server write there, or name a secret_file."
        raise SettingsError(f"cannot be made in {path}: {error.strerror}", hint=hint, name="secret") from None


def read_secret(path: Path, *, name: str = "secret_file") -> Secret:
    """Return the secret that a file holds, without the white space around it.

    Args:
        path: the file.
        name: the setting that names it.

    Raises:
        SettingsError: the file cannot be read, is not text, or plainly holds no secret.
    """
    return checked_secret(read_text(path, name=name), str(path))


def read_text(path: Path, *, name: str) -> str:
    """Return what a file with a secret holds.

    Raises:
        SettingsError: the file cannot be read, is not text, or is too long.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_SIZE + 1)
        text = data.decode()
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", name) from None
    except UnicodeDecodeError:
        raise _unusable(path, "is not text", name) from None  # the decoding error holds the bytes that it refused
    if len(data) > _MAX_FILE_SIZE:
        raise _unusable(path, "is too long for a secret", name)
    return text


def _unusable(path: Path, problem: str, name: str) -> SettingsError:
    hint = "Make one with: jotary init" if name == "secret_file" else "Name a file that holds nothing but the secret."
    return SettingsError(problem, hint=hint, name=name, origin=str(path))


def checked_secret(text: str, origin: str, *, name: str = "secret") -> Secret:
    """Return the text as a secret.

    Raises:
        SettingsError: it is too short or easily guessed.
    """
    text = text.strip()
    if len(text.encode()) < MIN_SECRET_BYTES or len(set(text)) < _FEWEST_CHARACTERS:
        problem = f"has fewer than {MIN_SECRET_BYTES} bytes or is easily guessed"
        raise SettingsError(problem, hint=f"Put there what this prints: {GENERATOR}", name=name, origin=origin)
    return Secret(text)


def create_secret(path: Path) -> bool:
    """Write a new secret, readable by its owner only. False if the file is there already, which stays as it is.

    The file appears complete or not at all, so that two processes starting together agree on one secret; and it is on
    the disk before anything is sealed under it, or power loss could leave keys that nothing opens.

    Raises:
        OSError: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
        sync_folder(path.parent)
    except FileExistsError:
        return False
    else:
        return True
    finally:
        draft.unlink()
