"""Database URLs: which are known, where SQLite's file lies, and how to show one without its password."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jotary.server.settings.error import SettingsError

_SQLITE: Final = "sqlite:///"


def check_database(url: str) -> None:
    """Refuse a URL of no known kind.

    Raises:
        SettingsError: no file of SQLite, the one database that there is a store for.
    """
    if not _names_file(url):
        raise SettingsError(
            "is not a database that jotary knows",
            hint="Write sqlite:/// and the path of a file, such as sqlite:///jotary.db.",
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
    """Return the URL as it may be shown: no password, no query (which may hold one)."""
    if url.startswith(_SQLITE):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=user.partition(":")[0] + at + host, query="").geturl()
