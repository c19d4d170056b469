"""A driver that tells somebody of all that it is asked, so that nothing below or above it has to."""

from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, Protocol

from jotary.server.model.changes import Change
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Driver, DriverFigures, Step, TellCommit
from jotary.server.store.rows import Row

#: One look-up in so many is told of: it takes some microseconds, and a stopwatch would be a good part of them.
SAMPLED: Final = 16


class StoreWatch(Protocol):
    """Who is told."""

    def reading(self, operation: Literal["look_up", "scan"]) -> AbstractContextManager[object]:
        """What lasts as long as the read does."""

    def writing(self, changes: Sequence[Change]) -> AbstractContextManager[object]:
        """What lasts as long as the write does: it ends well if all was written. Housekeeping changes nothing."""


class WatchedDriver:
    """As the driver that it stands in front of.

    Args:
        driver: what answers.
        watch: who is told.
    """

    def __init__(self, driver: Driver, watch: StoreWatch) -> None:
        self._driver = driver
        self._watch = watch
        self.dialect = driver.dialect
        self._looked_up = 0

    def look_up(self, query: Statement, parameters: tuple[Any, ...]) -> Coroutine[Any, Any, Row | None]:
        """As `Driver.look_up`: the driver's own coroutine as a rule, for one around it would cost as much again."""
        self._looked_up += 1
        look_up = self._driver.look_up if self._looked_up % SAMPLED else self._told
        return look_up(query, parameters)

    async def _told(self, query: Statement, parameters: tuple[Any, ...]) -> Row | None:
        with self._watch.reading("look_up"):
            return await self._driver.look_up(query, parameters)

    async def scan(self, query: Statement, parameters: tuple[Any, ...]) -> Sequence[Row]:
        """As `Driver.scan`."""
        with self._watch.reading("scan"):
            return await self._driver.scan(query, parameters)

    async def write(self, unit: Sequence[Step]) -> int:
        """As `Driver.write`."""
        # One change may be several statements, which stand one behind the other.
        changes = {id(step.change): step.change for step in unit if step.change is not None}
        with self._watch.writing(tuple(changes.values())):
            return await self._driver.write(unit)

    async def time(self) -> int | None:
        """As `Driver.time`."""
        return await self._driver.time()

    def figures(self) -> DriverFigures:
        """As `Driver.figures`."""
        return self._driver.figures()

    def tell_commits(self, tell: TellCommit) -> None:
        """As `Driver.tell_commits`."""
        self._driver.tell_commits(tell)

    async def close(self) -> None:
        """As `Driver.close`."""
        await self._driver.close()
