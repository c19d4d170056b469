"""A name for every request, in its answer, in every log line and in every audit event that it causes."""

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jotary.server.model.event import Origin
from jotary.server.ports import Entropy
from jotary.server.telemetry.watched_requests import Tell

HEADER: Final = b"x-request-id"

_SIZE: Final = 8  # bytes: enough to be unique in any log

_NOWHERE: Final = Origin()
_current: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def current_request_id() -> str | None:
    """The id of the request that is being answered here."""
    return _current.get().request_id


def current_origin() -> Origin:
    """Where what is done here comes from: the request, and the address behind it."""
    return _current.get()


_trace: ContextVar[tuple[str, str] | None] = ContextVar("trace", default=None)


def current_trace() -> tuple[str, str] | None:
    """The trace and the span of the request that is being answered here, as hexadecimal ids (W3C Trace Context)."""
    return _trace.get()


@contextmanager
def in_trace(trace_id: str, span_id: str) -> Iterator[None]:
    """Put log lines into a trace."""
    token = _trace.set((trace_id, span_id))
    try:
        yield
    finally:
        _trace.reset(token)


class RequestIds:
    """ASGI middleware that names requests. Names that others bring are not taken: they could say anything.

    Args:
        app: what answers.
        entropy: where the names come from.
        tell: is told of each request that is over, with its seconds. Here, as one more middleware would cost more.
    """

    def __init__(self, app: ASGIApp, entropy: Entropy, *, tell: Tell | None = None) -> None:
        self._tell = tell
        self._app = app
        self._entropy = entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name one request."""
        name = self._entropy(_SIZE).hex()
        header = (HEADER, name.encode())

        def send_named(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), header]}
            return send(message)

        client = scope.get("client")
        token = _current.set(Origin(address=client[0] if client else None, request_id=name))
        begun = perf_counter()
        try:
            await self._app(scope, receive, send_named)
        finally:
            if self._tell is not None and scope["type"] == "http":
                self._tell(scope, perf_counter() - begun)
            _current.reset(token)
