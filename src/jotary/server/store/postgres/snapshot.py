"""Reading a PostgreSQL database as it is at one moment, while others write to it."""

import asyncio
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from jotary.server.store.postgres.connection import FAILURES, cannot_open, connect


def read_snapshot(url: str, run: Callable[[sa.Connection], None]) -> None:
    """Run `run` in one transaction that sees the moment of its first read and cannot write.

    Blocks, so no event loop may run in this thread.

    Raises:
        Unavailable: the database cannot be used.
    """
    try:
        asyncio.run(_read(url, run))
    except (*FAILURES, sa.exc.DBAPIError) as error:
        raise cannot_open(url, error) from error


async def _read(url: str, run: Callable[[sa.Connection], None]) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url), poolclass=sa.NullPool)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async with connection.begin():
            await connection.run_sync(run)
