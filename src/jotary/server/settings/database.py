"""Database URLs: which are known, where SQLite's file lies, and how to show one without its password."""

import importlib.util
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jotary.server.settings.error import SettingsError

_SQLITE: Final = "sqlite:///"
_POSTGRESQL: Final = ("postgresql://", "postgres://")


def check_database(url: str) -> None:
    """Refuse a URL of no known kind, and one whose driver is not installed.

    Raises:
        SettingsError: neither a file of SQLite nor a PostgreSQL that this installation can reach.
    """
    if is_postgresql(url):
        _check_driver()
    elif not _names_file(url):
        raise SettingsError(
            "is not a database that jotary knows",
            hint="Write sqlite:/// and the path of a file, such as sqlite:///jotary.db, or"
            " postgresql://user:password@host/database.",
            name="database",
        )


def is_postgresql(url: str) -> bool:
    """Whether the URL names a PostgreSQL, by either of the two schemes that libpq knows."""
    return url.startswith(_POSTGRESQL)


def _check_driver() -> None:
    """Migrations need greenlet, which SQLAlchemy leaves to who asks for it."""
    if any(importlib.util.find_spec(module) is None for module in ("asyncpg", "greenlet")):
        raise SettingsError(
            "names a PostgreSQL, whose driver is not installed",
            hint="Install it with: pip install 'jotary[postgres]'",
            name="database",
        )


def _names_file(url: str) -> bool:
    """A file, not a database in memory: several threads and processes must find the same one."""
    path = url.removeprefix(_SQLITE)
    return path not in {url, ""} and not path.startswith((":memory:", "file:")) and "?" not in path


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite URL; None for every other one."""
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) and _names_file(url) else None


def relative_to(folder: Path, url: str) -> str:
    """Return the URL with a relative SQLite path made absolute, so that every command finds the same file."""
    file = sqlite_file(url)
    return url if file is None else f"{_SQLITE}{(folder / file).resolve()}"


def without_password(url: str) -> str:
    """Return the URL as it may be shown: no password, no query (which may hold one).

    A password with a `/`, `?`, `#` or `[` that is not percent-encoded ends elsewhere than it should, and so nothing
    is shown of a URL with an `@` behind its host.
    """
    if url.startswith(_SQLITE):
        return url
    scheme = url.partition(":")[0]
    try:
        parts = urlsplit(url)
    except ValueError:
        return f"{scheme}://…"
    if "@" in url.partition(parts.netloc)[2]:
        return f"{scheme}://…"
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=user.partition(":")[0] + at + host, query="", fragment="").geturl()
