"""What the migrations need of PostgreSQL: a blocking connection, over the same driver."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from jotary.server.store.postgres.connection import FAILURES, cannot_open, connect

_ANSWER_SECONDS: Final = 5.0
_LOCK_SECONDS: Final = 30
#: The advisory lock of whoever changes the schema, in each database: "jotary" and 0.
SCHEMA_LOCK: Final = int.from_bytes(b"jotary\0\0")

_REVISION: Final = "SELECT version_num FROM alembic_version"
_HAS_REVISION: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"

Answer = TypeVar("Answer")


def revision(url: str) -> str | None:
    """The revision that Alembic noted in the database; None when it is empty.

    Blocks, so no event loop may run in this thread; the same holds for `change_schema`.

    Raises:
        Unavailable: the database cannot be used.
    """
    return _run(url, _revision)


def change_schema(url: str, run: Callable[[sa.Connection], None]) -> None:
    """Run `run` in one transaction under a lock that every process takes which changes the schema.

    Raises:
        Unavailable: the database cannot be used, or stays locked by another process.
    """
    _run(url, lambda url: _change_schema(url, run))


def _run(url: str, work: Callable[[str], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        return await work(url)

    try:
        return asyncio.run(run())
    except sa.exc.DBAPIError as error:  # of SQLAlchemy, around one of its adapter, around asyncpg's
        raise cannot_open(url, _innermost(error)) from error
    except FAILURES as error:
        raise cannot_open(url, error) from error


def _innermost(error: Exception) -> Exception:
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


async def _revision(url: str) -> str | None:
    connection = await connect(url)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            if not await connection.fetchval(_HAS_REVISION):
                return None
            found: str | None = await connection.fetchval(_REVISION)
            return found
    finally:
        connection.terminate()


async def _change_schema(url: str, run: Callable[[sa.Connection], None]) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url),  # asyncpg reads the URL, as it does elsewhere
        poolclass=sa.NullPool,
    )
    async with engine.begin() as connection:
        await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
        await connection.run_sync(run)
