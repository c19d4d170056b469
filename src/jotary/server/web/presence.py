"""Work for somebody who waits: it ends when they have gone."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Answer = TypeVar("Answer")


async def while_present(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do some work, and give it up when the client hangs up: nobody else should wait behind it.

    Args:
        request: whose body was read.
        work: what takes long, such as a password in the queue.

    Raises:
        ClientDisconnect: the client has gone, and the work was given up.
    """
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise ClientDisconnect
        return doing.result()
    finally:
        for task in (doing, leaving):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
