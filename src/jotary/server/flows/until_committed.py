"""Starting over when somebody else was first (design §3)."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from jotary.server.ports import Conflict, Unavailable

#: Times that a flow gathers its facts before it gives up. One repetition is enough wherever the second look at the
#: facts leads to another decision, as after a refresh; more means that something is wrong.
ATTEMPTS: Final = 3

Answer = TypeVar("Answer")


async def until_committed(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Gather, decide and commit; on conflict do so again from the facts as they then are.

    Raises:
        Unavailable: every attempt met a conflict; nothing was written.
    """
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except Conflict:
            continue
    raise Unavailable("the facts change faster than they can be decided on")
