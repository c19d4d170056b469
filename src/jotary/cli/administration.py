"""Opening the database that the settings name: commands work on it directly, whether or not a server is running."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from jotary.cli.operating_system_user import operating_system_user
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.keyring import make_enrolment
from jotary.server.model.event import Origin
from jotary.server.model.signing_key import SigningKey
from jotary.server.settings import Loaded, Settings, load, load_draft
from jotary.server.settings.database import sqlite_file
from jotary.server.store import Store, open_store

Answer = TypeVar("Answer")
#: Raises what can be refused by the settings alone, which have no secret yet.
Check = Callable[[Settings], object]


@dataclass(frozen=True, slots=True)
class Administration:
    """What a command works with."""

    settings: Settings
    store: Store

    @property
    def now(self) -> int:
        """Unix time in whole seconds."""
        return int(time.time())

    @staticmethod
    def entropy(size: int) -> bytes:
        """Random bytes from the operating system."""
        return os.urandom(size)


def load_settings(config: Path | None, *, may_make_secret: bool = True) -> Loaded:
    """The settings that a server started here would have.

    Raises:
        SettingsError: with what to change.
    """
    return load(config, environ=os.environ, folder=Path.cwd(), may_make_secret=may_make_secret)


def draft_settings(config: Path | None) -> Settings:
    """The same without their secrets, for what is decided before anything is made.

    Raises:
        SettingsError: with what to change.
    """
    return load_draft(config, environ=os.environ, folder=Path.cwd())


def late_enrolment(config: Path | None) -> Callable[[SigningKey], bytes]:
    """What stamps the keys of an earlier version, under the secret that they have: it is looked for when there is one.

    A new secret would open nothing of theirs, and stand where the old one has to go.
    """

    def enrol(key: SigningKey) -> bytes:
        settings = load_settings(config, may_make_secret=False).settings
        return make_enrolment(settings, entropy=Administration.entropy)(key)

    return enrol


def needs_database(settings: Settings) -> None:
    """Refuse what is about something that must be there already: a database that is made for it would have nothing.

    Raises:
        AdministrationError: there is no database.
    """
    database = sqlite_file(settings.database)
    if database is not None and not database.exists():
        hint = "Go to the server's folder, or name its --config."
        raise AdministrationError(f"there is no database {database}", hint=hint)


def administer(
    config: Path | None, work: Callable[[Administration], Awaitable[Answer]], *, check: Check | None = None
) -> Answer:
    """Open the database, do the work, close it, and return what came of it. What is new is said on standard error.

    What `check` refuses leaves nothing behind.
    """
    if check is not None:
        check(draft_settings(config))
    loaded = load_settings(config)
    if loaded.secret.is_new:
        click.echo(f"Made a secret: {loaded.secret.origin}", err=True)
    database = sqlite_file(loaded.settings.database)
    if database is not None and database.parent.is_dir() and not database.exists():
        click.echo(f"Making a database: {database}", err=True)
    return asyncio.run(_run(loaded.settings, work))


async def _run(settings: Settings, work: Callable[[Administration], Awaitable[Answer]]) -> Answer:
    origin = Origin(actor=operating_system_user())
    enrol = make_enrolment(settings, entropy=Administration.entropy)
    store = await open_store(settings.database, origin=lambda: origin, enrol=enrol)
    try:
        return await work(Administration(settings, store))
    finally:
        await store.close()
