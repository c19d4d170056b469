"""What the migrations need of PostgreSQL: a blocking connection, over the same driver."""

import asyncio
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from jotary.server.ports import Unavailable
from jotary.server.settings.database import without_password
from jotary.server.store.postgres import blocking
from jotary.server.store.postgres.connection import connect

_ANSWER_SECONDS: Final = 5.0
_LOCK_SECONDS: Final = 30
#: The advisory lock of whoever changes the schema, in each database: "jotary" and 0.
SCHEMA_LOCK: Final = int.from_bytes(b"jotary\0\0")

_REVISION: Final = "SELECT version_num FROM alembic_version"
_HAS_REVISION: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"

# What holds every character, or takes the bytes as they are sent, which is as UTF-8.
_ENCODINGS: Final = frozenset({"UTF8", "SQL_ASCII"})


def revision(url: str) -> str | None:
    """The revision that Alembic noted in the database; None when it is empty.

    Blocks, so no event loop may run in this thread; the same holds for `change_schema`.

    Raises:
        Unavailable: the database cannot be used.
    """
    return blocking.run(url, _revision)


def change_schema(url: str, run: Callable[[sa.Connection], None]) -> None:
    """Run `run` in one transaction under a lock that every process takes which changes the schema.

    Raises:
        Unavailable: the database cannot be used, or stays locked by another process; or it is empty, and there are
            characters that it cannot hold.
    """
    blocking.run(url, lambda url: _change_schema(url, run))


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
    async with blocking.engine(url).begin() as connection:
        await connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})"))
        if not await connection.scalar(sa.text(_HAS_REVISION)):
            _check_encoding(url, str(await connection.scalar(sa.text("SHOW server_encoding"))))
        await connection.run_sync(run)


def _check_encoding(url: str, encoding: str) -> None:
    """Before anything is in it: later, the first person whose name it cannot hold would find out."""
    if encoding not in _ENCODINGS:
        raise Unavailable(
            f"cannot use the database {without_password(url)}: its encoding is {encoding}, which holds few characters",
            hint="Make it anew: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'.",
        )
