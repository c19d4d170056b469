"""From a database URL to a store. A new database is registered here, in `_backend`."""

import asyncio

from jotary.server.store.migrations import upgrade
from jotary.server.store.sqlite import SQLiteDriver
from jotary.server.store.store import Store


async def open_store(url: str) -> Store:
    """Open the database that `url` names, make or upgrade its schema, and return the store.

    Args:
        url: `sqlite:///path` (`sqlite:////path` for an absolute one).

    Raises:
        ValueError: the URL names no database that jotary knows.
    """
    scheme = url.partition(":")[0]
    if scheme != "sqlite":
        raise ValueError(f"jotary does not know the database {scheme!r} yet: use sqlite:///path/to/file.db")
    await asyncio.to_thread(upgrade, url)
    return Store(await SQLiteDriver.open(url))
