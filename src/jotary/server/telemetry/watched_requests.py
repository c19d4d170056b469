"""Every request, told with how long it took to whoever counts or logs it."""

from collections.abc import Callable
from time import perf_counter

from starlette.types import ASGIApp, Receive, Scope, Send

#: Told of a request that is over: its scope with what was noted there (`model/request_notes.py`), and seconds.
Tell = Callable[[Scope, float], None]


class WatchedRequests:
    """ASGI middleware.

    Args:
        app: what answers.
        tell: who is told.
    """

    def __init__(self, app: ASGIApp, tell: Tell) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            seconds = perf_counter() - begun
            if scope["type"] == "http":
                self._tell(scope, seconds)
