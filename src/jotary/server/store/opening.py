"""From a database URL to a store."""

import asyncio

from jotary.server.store.backends import backend
from jotary.server.store.migrations import upgrade
from jotary.server.store.store import Store


async def open_store(url: str) -> Store:
    """Open the database that `url` names, make or upgrade its schema, and return the store.

    Args:
        url: `sqlite:///path` (`sqlite:////path` for an absolute one).

    Raises:
        ValueError: the URL names no database that jotary knows.
        UnknownSchemaError: a newer version of jotary wrote this database.
        Unavailable: the database cannot be opened.
    """
    await asyncio.to_thread(upgrade, url)
    return Store(await backend(url).open_driver(url))
