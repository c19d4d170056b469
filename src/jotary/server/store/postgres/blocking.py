"""Blocking work on a PostgreSQL, for what runs without an event loop: migrations, backups, restores."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jotary.server.store.postgres.connection import FAILURES, cannot_open, connect

if TYPE_CHECKING:
    import asyncpg

# Of PostgreSQL 17 and newer; an older one refuses a connection that names it as it opens.
_NO_BOUND: Final = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'"
_ANSWER_SECONDS: Final = 5.0

Answer = TypeVar("Answer")


def run(url: str, work: Callable[[str], Awaitable[Answer]]) -> Answer:
    """Wait for `work`, which is given the URL. No event loop may run in this thread.

    Raises:
        Unavailable: the database cannot be used.
    """

    async def wait() -> Answer:
        return await work(url)

    try:
        return asyncio.run(wait())
    except sa.exc.DBAPIError as error:  # of SQLAlchemy, around one of its adapter, around asyncpg's
        raise cannot_open(url, _innermost(error)) from error
    except FAILURES as error:
        raise cannot_open(url, error) from error


def engine(url: str) -> AsyncEngine:
    """Each connection is a new one, on which nothing is bounded; asyncpg reads the URL, as it does elsewhere."""
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: _connect(url), poolclass=sa.NullPool, hide_parameters=True
    )


async def _connect(url: str) -> "asyncpg.Connection[Any]":
    connection = await connect(url)
    await connection.execute(_NO_BOUND, timeout=_ANSWER_SECONDS)
    return connection


def _innermost(error: Exception) -> Exception:
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
