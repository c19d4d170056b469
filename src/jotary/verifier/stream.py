"""A socket that stops: one deadline over all reads and writes, and a bound on the bytes that are read.

A socket's own timeout starts anew with every byte, so that a peer who sends one a second would hold us for ever.
"""

import io
import socket
from collections.abc import Callable
from typing import Any


class DeadlineError(Exception):
    """The time is up."""


class OversizeError(Exception):
    """The peer sends more than is read."""


class Deadline:
    """A point in time on a clock that only goes forward.

    Args:
        monotonic: the clock, in seconds.
        timeout: seconds from now.
    """

    def __init__(self, monotonic: Callable[[], float], timeout: float) -> None:
        self._monotonic = monotonic
        self._timeout = timeout
        self._end = monotonic() + timeout

    def remaining(self) -> float:
        """Seconds that are left.

        Raises:
            DeadlineError: there are none.
        """
        remaining = self._end - self._monotonic()
        if remaining <= 0:
            raise DeadlineError(f"it took longer than {self._timeout:g} s")
        return remaining


class GuardedSocket:
    """As much of a socket as `http.client` uses: `sendall`, `makefile`, `close`."""

    def __init__(self, inner: socket.socket, deadline: Deadline, *, limit: int) -> None:
        self._inner = inner
        self._deadline = deadline
        self._limit = limit

    def sendall(self, data: bytes) -> None:
        """Send all of it; the timeout of `socket.sendall` is for the whole."""
        self._inner.settimeout(self._deadline.remaining())
        self._inner.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 -- http.client asks for "rb"
        """Return a reader that keeps the deadline and the bound."""
        return io.BufferedReader(_GuardedReader(self._inner, self._deadline, self._limit))

    def close(self) -> None:
        """Do nothing: http.client closes before it has read the last answer, and the socket has an owner."""


class _GuardedReader(io.RawIOBase):
    def __init__(self, inner: socket.socket, deadline: Deadline, limit: int) -> None:
        super().__init__()
        self._inner = inner
        self._deadline = deadline
        self._left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._inner.settimeout(self._deadline.remaining())
        count = self._inner.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise OversizeError("the answer is too long")
        return count
