"""PostgreSQL, run by asyncpg: compiled SQL as prepared statements on a pool of connections."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from jotary.server.ports import Conflict, Unavailable
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import DriverFigures, Step, TellCommit
from jotary.server.store.postgres.connection import DEADLINE, FAILURES, PATIENCE, cannot_open, hint, settings, what
from jotary.server.store.postgres.unit import OWN_FAULTS, run_unit
from jotary.server.store.rows import Row

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[Any]

Answer = TypeVar("Answer")

_TIME: Final = "SELECT extract(epoch FROM clock_timestamp())::bigint"


class PostgreSQLDriver:
    """A pool of connections to one database. Any number of processes may have it open; one event loop uses a driver."""

    dialect: sa.Dialect

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self.dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
        self._pool = pool
        self._answered_at = 0.0  # in the event loop's time
        self._waiting = 0
        self._tell_commit: TellCommit | None = None

    async def look_up(self, query: Statement, parameters: tuple[object, ...]) -> Row | None:
        """The row that a unique key finds."""
        return await self._run(lambda connection: connection.fetchrow(query.sql, *parameters))

    async def scan(self, query: Statement, parameters: tuple[object, ...]) -> Sequence[Row]:
        """All rows."""
        return await self._run(lambda connection: connection.fetch(query.sql, *parameters))

    async def write(self, unit: Sequence[Step]) -> int:
        """Run a unit in a transaction; a deadlock is tried again."""
        return await self._run(lambda connection: self._commit(connection, unit))

    async def _commit(self, connection: "Connection", unit: Sequence[Step]) -> int:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        touched = await run_unit(connection, unit)
        if self._tell_commit is not None:
            self._tell_commit(1, loop.time() - begun)
        return touched

    async def time(self) -> int:
        """By its clock, not as of the beginning of a transaction."""
        answer: int = await self._run(lambda connection: connection.fetchval(_TIME))
        return answer

    def figures(self) -> DriverFigures:
        """The pool, and the calls that wait for one of its connections."""
        return DriverFigures(self._waiting, self._pool.get_size(), self._pool.get_idle_size())

    def tell_commits(self, tell: TellCommit) -> None:
        """Tell of every unit: each is a transaction of its own."""
        self._tell_commit = tell

    async def close(self) -> None:
        """Wait for what runs, then let go of every connection; cut off what does not end in time."""
        try:
            async with asyncio.timeout(DEADLINE):
                await self._pool.close()
        except FAILURES:
            self._pool.terminate()
            await asyncio.sleep(0)  # the turn in which the event loop lets go of them

    async def ping(self) -> None:
        """Ask for nothing.

        Raises:
            asyncpg.PostgresError, asyncpg.InterfaceError, OSError: the database cannot be used.
        """
        await self._with_connection(lambda connection: connection.execute("SELECT 1"))

    async def _run(self, work: "Callable[[Connection], Awaitable[Answer]]") -> Answer:
        try:
            return await self._with_connection(work)
        except OWN_FAULTS:
            raise
        except FAILURES as error:
            refused = isinstance(error, asyncpg.PostgresError)  # else it may be the crowd, and no firewall
            raise Unavailable(
                f"the database did not answer: {what(error)}", hint=hint(error) if refused else None
            ) from error

    async def _with_connection(self, work: "Callable[[Connection], Awaitable[Answer]]") -> Answer:
        loop = asyncio.get_running_loop()
        start = loop.time()
        self._waiting += 1
        try:
            connection = await self._acquire(start)
        finally:
            self._waiting -= 1
        try:
            async with asyncio.timeout_at(max(start, self._answered_at) + DEADLINE):  # whose turn it is has no crowd
                answer = await work(connection)
        except (Conflict, *OWN_FAULTS):
            self._answered_at = loop.time()
            raise
        except BaseException:
            # Its state is not known, and asking a database that hangs to cancel takes as long. What was begun ends
            # there without a commit.
            with contextlib.suppress(asyncpg.InterfaceError):  # it was lost, and asyncpg has given it up already
                connection.terminate()
            raise
        else:
            self._answered_at = loop.time()
            return answer
        finally:
            await self._pool.release(connection)

    async def _acquire(self, start: float) -> "Connection":
        """A connection. Who waits behind many others is patient for as long as the database answers them."""
        while True:
            try:
                async with asyncio.timeout_at(self._bound(start)):
                    return await self._pool.acquire()
            except TimeoutError:
                if asyncio.get_running_loop().time() >= self._bound(start):
                    raise

    def _bound(self, start: float) -> float:
        """Until when a call that began at `start` waits, in the event loop's time."""
        return min(max(start, self._answered_at) + DEADLINE, start + PATIENCE)


async def open_driver(url: str, *, connections: int) -> PostgreSQLDriver:
    """Connect to the database that the URL names; its schema must be there. `connections`: at once, at most.

    Raises:
        Unavailable: it cannot be used.
    """
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=connections,
            max_inactive_connection_lifetime=300,
            statement_cache_size=256,  # more than there are statements
            max_cached_statement_lifetime=0,  # for as long as the connection lives
            server_settings=settings(bounded=True),
            reset=_keep,
        )
    except FAILURES as error:
        raise cannot_open(url, error) from error
    driver = PostgreSQLDriver(pool)
    try:
        await driver.ping()
    except FAILURES as error:
        await driver.close()
        raise cannot_open(url, error) from error
    return driver


async def _keep(_connection: object) -> None:
    """No statement leaves anything behind in its session, so nothing is reset: that would be one more round trip."""
