"""What the store needs from a database. A new one is a file that implements `Driver`, and an entry in `backends`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from jotary.server.model.changes import Change
from jotary.server.store.compiled import Statement
from jotary.server.store.rows import Row


class Step(NamedTuple):
    """One statement of a unit, ready to run. `change` is what a conflict names; None for the store's housekeeping."""

    statement: Statement
    parameters: tuple[Any, ...]
    change: Change | None


class DriverFigures(NamedTuple):
    """How a driver stands. Any thread may ask."""

    waiting: int = 0  # units that wait to be written, or calls that wait for a connection
    connections: int = 0  # to a database server
    idle: int = 0  # of these


#: Told of every commit: how many units shared it, and the seconds it took.
TellCommit = Callable[[int, float], None]


class Driver(Protocol):
    """Runs compiled SQL. All methods may be called from any number of tasks at once."""

    dialect: sa.Dialect

    async def look_up(self, query: Statement, parameters: tuple[Any, ...]) -> Row | None:
        """The one row that a unique key finds. On the hot path.

        Raises:
            Unavailable: the database does not answer.
        """

    async def scan(self, query: Statement, parameters: tuple[Any, ...]) -> Sequence[Row]:
        """All rows that a query finds; it may take a while.

        Raises:
            Unavailable: the database does not answer.
        """

    async def write(self, unit: Sequence[Step]) -> int:
        """Run all steps durably in one transaction, or none. Returns how many rows they touched.

        What a unit committed before is visible to every read that begins after this returns.

        Raises:
            Conflict: a guarded step touched no row, or a key that must be new or present is not; nothing was written.
            Unavailable: the database does not answer; nothing is known to be written.
        """

    async def time(self) -> int | None:
        """Unix seconds by the database's own clock; None if it has none but this machine's.

        Raises:
            Unavailable: the database does not answer.
        """

    def figures(self) -> DriverFigures:
        """How it stands."""

    def tell_commits(self, tell: TellCommit) -> None:
        """From now on, tell of every commit that succeeds."""

    async def close(self) -> None:
        """Finish what was accepted and let go of the database. Closing twice changes nothing."""
