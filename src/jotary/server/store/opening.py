"""From a database URL to a store."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from jotary.server.model.event import Origin
from jotary.server.store.backends import backend
from jotary.server.store.migrations import Enrol, upgrade
from jotary.server.store.store import Store
from jotary.server.store.watched import StoreWatch, WatchedDriver

_CONNECTIONS: Final = 10


async def open_store(
    url: str,
    *,
    connections: int = _CONNECTIONS,
    watches: Sequence[StoreWatch] = (),
    origin: Callable[[], Origin] = Origin,
    enrol: Enrol | None = None,
) -> Store:
    """Open the database that `url` names, make or upgrade its schema, and return the store.

    Args:
        url: `sqlite:///path` (`sqlite:////path` for an absolute one), or a PostgreSQL URL as libpq reads it.
        connections: how many this process may have to a database server at once. A SQLite file needs none.
        watches: are told of all that is read and written.
        origin: where what is written at a time comes from, for the audit trail.
        enrol: as for `migrations.upgrade`.

    Raises:
        ValueError: the URL names no database that jotary knows.
        UnknownSchemaError: a newer version of jotary wrote this database.
        SealError: as `enrol`.
        Unavailable: the database cannot be opened.
    """
    await asyncio.to_thread(upgrade, url, enrol=enrol)
    driver = await backend(url).open_driver(url, connections=connections)
    for watch in watches:
        driver = WatchedDriver(driver, watch)
    return Store(driver, origin=origin)
