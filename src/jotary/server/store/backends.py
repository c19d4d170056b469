"""The databases that jotary knows, by the scheme of their URL. A new one is a module and an entry here."""

import importlib
from collections.abc import Callable
from typing import Final, Protocol, cast

import sqlalchemy as sa

from jotary.server.store.driver import Driver


class Backend(Protocol):
    """What a module offers for one kind of database. Only `open_driver` runs on an event loop."""

    async def open_driver(self, url: str, *, connections: int) -> Driver:
        """Connect to a database whose schema is there, with as many connections at once as one process may have."""

    def revision(self, url: str) -> str | None:
        """The revision that Alembic noted in the database; None when there is none."""

    def change_schema(self, url: str, run: Callable[[sa.Connection], None]) -> None:
        """Run `run` with a connection in one transaction, while no other process changes the schema."""

    def read_snapshot(self, url: str, run: Callable[[sa.Connection], None]) -> None:
        """Run `run` with a connection that sees one moment of the database and cannot write; writers go on."""


# By name: a server on SQLite has no PostgreSQL driver installed.
_BACKENDS: Final = {
    "sqlite": "jotary.server.store.sqlite",
    "postgresql": "jotary.server.store.postgres",
    "postgres": "jotary.server.store.postgres",
}


def backend(url: str) -> Backend:
    """The backend for a database URL.

    Raises:
        ValueError: jotary does not know this kind of database.
        ModuleNotFoundError: its driver is not installed.
    """
    scheme = url.partition(":")[0]
    try:
        module = _BACKENDS[scheme]
    except KeyError:
        known = ", ".join(sorted(_BACKENDS))
        raise ValueError(f"jotary does not know the database {scheme!r}; it knows: {known}") from None
    return cast("Backend", importlib.import_module(module))
