"""Scoring new passwords beside the event loop, a bounded number of them."""

import asyncio
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Final, TypeVar

from jotary.server.ports import Unavailable

Answer = TypeVar("Answer")

#: Passwords that are scored or wait for it, 50 ms each at most: whoever comes then is told to come back.
_PLACES: Final = BoundedSemaphore(16)


async def scored(judge: Callable[[], Answer]) -> Answer:
    """Run what judges a new password (`password_rules.refusals`) in a thread.

    Raises:
        Unavailable: too many passwords are being scored.
    """
    if not _PLACES.acquire(blocking=False):
        raise Unavailable("too many passwords are being scored")
    try:
        return await asyncio.to_thread(judge)
    finally:
        _PLACES.release()
