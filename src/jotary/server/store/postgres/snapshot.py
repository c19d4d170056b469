"""Reading a PostgreSQL database as it is at one moment, while others write to it."""

from collections.abc import Callable

import sqlalchemy as sa

from jotary.server.store.postgres import blocking


def read_snapshot(url: str, run: Callable[[sa.Connection], None]) -> None:
    """Run `run` in one transaction that sees the moment of its first read and cannot write.

    Blocks, so no event loop may run in this thread.

    Raises:
        Unavailable: the database cannot be used.
    """
    blocking.run(url, lambda url: _read(url, run))


async def _read(url: str, run: Callable[[sa.Connection], None]) -> None:
    async with blocking.engine(url).connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        await connection.run_sync(run)
