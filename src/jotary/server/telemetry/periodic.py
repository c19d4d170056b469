"""Work that is done again and again beside the requests, and what is said of it when it fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from jotary.server.ports import Unavailable

log = structlog.get_logger("jotary.server")


@asynccontextmanager
async def periodically(seconds: float, work: Callable[[], Awaitable[None]], name: str) -> AsyncIterator[None]:
    """Do some work again and again while the context lasts. A failure is logged, and the next time is the retry."""
    task = asyncio.create_task(_repeat(seconds, work, name))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]], name: str) -> None:
    known: type[Exception] | None = None  # said once: a database that is down for an hour must not fill the log
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 -- the next time is the retry
            if known is not type(error):
                _say(name, error)
            known = type(error)
        else:
            if known is not None:
                log.info("periodic_work_recovered", work=name)
            known = None


def _say(name: str, error: Exception) -> None:
    if isinstance(error, Unavailable):
        hint = {} if error.hint is None else {"hint": error.hint}
        log.warning("periodic_work_unavailable", work=name, what=str(error), **hint)
    else:
        log.error("periodic_work_failed", work=name, exc_info=error)
