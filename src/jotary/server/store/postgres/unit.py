"""One unit in one transaction on one connection."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from jotary.server.ports import Conflict
from jotary.server.store.driver import Step

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[Any]

#: The unit itself is at fault, not the database, and the connection is as good as before.
OWN_FAULTS: Final = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.exceptions.DataError)

# The rows that a unit stands on are not what its flow saw: somebody else was first.
_RACES: Final = (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError)

# Nothing was written, and the same may well succeed now: two units held what the other one waits for, or the schema
# was upgraded under a prepared statement.
_PASSING: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
)

#: The advisory lock of whoever appends to the feeds, in each database: "jotary" and 1.
APPEND_LOCK: Final = int.from_bytes(b"jotary\0\1")

_BEGIN: Final = "BEGIN"
# Taken before anything else, so that nobody waits for it who holds a row that its holder wants. It is let go when the
# entries are visible: the next position is given behind them (docs/decisions, "Feeds in order of commit").
_BEGIN_TO_APPEND: Final = f"BEGIN; SELECT pg_advisory_xact_lock({APPEND_LOCK})"


async def run_unit(connection: "Connection", unit: Sequence[Step]) -> int:
    """Run all steps durably, or none. Returns how many rows they touched. The caller sets the deadline.

    Raises:
        Conflict: as `driver.Driver.write`.
        asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the database fails.
    """
    # One statement is a transaction of its own: one round trip.
    run = _run_step if len(unit) == 1 and not unit[0].statement.appends else _run_steps
    while True:
        try:
            return await run(connection, *unit)
        except _PASSING:
            continue


async def _run_steps(connection: "Connection", *unit: Step) -> int:
    appends = any(step.statement.appends for step in unit)
    try:
        await connection.execute(_BEGIN_TO_APPEND if appends else _BEGIN)
        touched = sum([await _run_step(connection, step) for step in unit])
    except Exception:
        await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")
    return touched


async def _run_step(connection: "Connection", step: Step) -> int:
    try:
        status = await connection.execute(step.statement.sql, *step.parameters)
    except _RACES as error:
        if step.change is None:
            raise
        raise Conflict(step.change) from error
    touched = int(status.rpartition(" ")[2])
    if touched == 0 and step.statement.guarded and step.change is not None:
        raise Conflict(step.change)
    return touched
