"""The User API, but it is killed at a moment that a request header names. For the tests beside it."""

import os
import signal
from typing import Any

from jotary.server.app import from_environment


class DyingServer:
    """Passes everything on, and dies without a word as the kernel would have it.

    `X-Die: before-work` kills it when the request has arrived; `X-Die: before-answer` when all work is done and the
    first byte of the answer would leave.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or die."""
        moment = dict(scope.get("headers", ())).get(b"x-die")

        async def send_or_die(message: Any) -> None:
            if moment == b"before-answer":
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        if moment == b"before-work":
            os.kill(os.getpid(), signal.SIGKILL)
        await self._application(scope, receive, send_or_die)


def create() -> DyingServer:
    """The factory that the tests start."""
    return DyingServer(from_environment())
