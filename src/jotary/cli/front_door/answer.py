"""The head of an answer in one step. uvicorn looks at each header by itself, a fifth of what a small answer costs."""

from typing import Final

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_UVICORNS_OWN: Final = frozenset({b"connection", b"transfer-encoding"})  # headers that change what it does next


class Answer:
    """Sends what answers one request.

    Args:
        cycle: uvicorn's state of the request.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    async def send(self, message: Message) -> None:
        """As `send` of every ASGI application. What is out of the ordinary, or wrong, is left to uvicorn."""
        cycle = self._cycle
        if message["type"] == "http.response.start" and cycle.keep_alive and not _is_held_up(cycle):
            headers = [*cycle.default_headers, *message.get("headers", ())]
            length = _plain_length(headers)
            if length is not None:
                cycle.response_started = True
                cycle.waiting_for_100_continue = False
                cycle.expected_content_length = length
                lines = b"\r\n".join([b": ".join(header) for header in headers])
                cycle.transport.write(b"".join((STATUS_LINE[message["status"]], lines, b"\r\n\r\n")))
                return
        await cycle.send(message)  # type: ignore[arg-type]  # the same messages by another name


def _is_held_up(cycle: RequestResponseCycle) -> bool:
    return cycle.response_started or cycle.disconnected or cycle.flow.write_paused


def _plain_length(headers: list[tuple[bytes, bytes]]) -> int | None:
    """The length that the headers say; None: they say none, or need a closer look."""
    names, values = zip(*headers, strict=True) if headers else ((), ())
    if b"content-length" not in names or not _UVICORNS_OWN.isdisjoint(names):
        return None
    text = b"".join(names)
    if not text.islower() or HEADER_RE.search(text) or HEADER_VALUE_RE.search(b"".join(values)):
        return None
    return int(values[names.index(b"content-length")])
