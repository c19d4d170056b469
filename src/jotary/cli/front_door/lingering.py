"""Closing so that the answer arrives (RFC 9112 §9.6)."""

import asyncio
from collections.abc import Callable

from jotary.cli.one_write import GatheringTransport


class LingeringTransport(GatheringTransport):
    """Gathers what is written; closed while the client still sends, it ends its own side and no more.

    Args:
        transport: that of the connection.
        loop: its event loop.
        linger: asked when it is closed: whether the client still sends. If so, whoever asks closes it for good later.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, linger: Callable[[], bool]
    ) -> None:
        super().__init__(transport, loop)
        self._linger = linger
        self._is_ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hold it for this turn of the loop; nothing, once this side has ended."""
        if not self._is_ended:
            super().write(data)

    def close(self) -> None:
        """Close behind what was written, or end this side of it."""
        if self.is_closing():
            return
        if self._transport.can_write_eof() and self._linger():
            self._flush()
            self._transport.write_eof()
            self._is_ended = True
        else:
            super().close()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._is_ended or super().is_closing()
