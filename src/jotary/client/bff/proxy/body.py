"""The body of a request on its way to the API: kept when it is small, so that it can be sent twice; else streamed."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import Receive

#: Bytes up to which a body is kept for a second attempt.
REPLAYABLE_SIZE: Final = 1 << 20
#: Seconds that a browser may pause while it sends a body.
PATIENCE: Final = 30.0

_LENGTH = re.compile(r"[0-9]{1,15}")


class BodyTooLargeError(Exception):
    """The body is longer than the proxy passes on."""


class BodyTooSlowError(Exception):
    """The browser stopped sending."""


class Body:
    """A request's body.

    Args:
        receive: the ASGI callable.
        declared: the Content-Length header, if there is one.
        limit: bytes; more is refused.

    Attributes:
        is_replayable: whether all of it is kept, once it is prepared.
    """

    def __init__(self, receive: Receive, *, declared: str | None, limit: int) -> None:
        self._receive = receive
        self._declared = int(declared) if declared is not None and _LENGTH.fullmatch(declared) else None
        self._limit = limit
        self._kept = bytearray()
        self.is_replayable = False
        self._is_complete = False

    async def prepare(self) -> None:
        """Read as much as is kept.

        Raises:
            BodyTooLargeError: it is longer than the limit.
            BodyTooSlowError: nothing came for too long.
            ClientDisconnect: the browser went away.
        """
        if self._declared is not None and self._declared > self._limit:
            raise BodyTooLargeError  # before anything is read, or passed on in part
        while not self._is_complete and len(self._kept) <= REPLAYABLE_SIZE:
            self._kept += await self._next()
            if len(self._kept) > self._limit:
                raise BodyTooLargeError
        self.is_replayable = self._is_complete

    @property
    def length(self) -> int | None:
        """The length to declare for a stream; None when the browser has declared none."""
        return None if self.is_replayable else self._declared

    def content(self) -> bytes | AsyncIterator[bytes]:
        """The body to send: bytes, as often as needed, or a stream that can be read once. Raises as `prepare`."""
        return bytes(self._kept) if self.is_replayable else self._stream()

    async def _stream(self) -> AsyncIterator[bytes]:
        size = len(self._kept)
        yield bytes(self._kept)
        self._kept.clear()
        while not self._is_complete:
            chunk = await self._next()
            size += len(chunk)
            if size > self._limit:
                raise BodyTooLargeError
            if chunk:
                yield chunk

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._is_complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
