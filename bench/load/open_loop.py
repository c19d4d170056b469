"""A load generator that does not wait: requests are due at a rate, whether or not the server keeps up (open loop).

Whoever waits for an answer before the next request asks a slow server less often, and so never sees it overloaded. The
time of an answer counts from when its request was due.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import uvloop

_SETTLING = 0.5  # seconds in which the server takes the connections
_TICK = 0.002  # seconds between two looks at what is due


@dataclass
class Answers:
    """What came of the requests.

    Attributes:
        seconds: that they were sent in.
        times: of each answer by its status, in seconds.
        unsent: requests that were due while no connection was free: the server did not answer, nor refuse.
        failed: requests whose connection was lost.
    """

    seconds: float = 0.0
    times: dict[int, list[float]] = field(default_factory=dict)
    unsent: int = 0
    failed: int = 0

    def rate(self, status: int) -> float:
        """Answers of this status a second."""
        return len(self.times.get(status, ())) / self.seconds

    def quantile(self, status: int, share: float) -> float:
        """Seconds within which this share of the answers came; 0 without any."""
        times = sorted(self.times.get(status, ()))
        return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0


def offer(port: int, request: bytes, *, rate: float, seconds: float, connections: int) -> Answers:
    """Send the same request at a rate, over connections that are kept open, and wait for what is under way.

    It begins with one on each of them at the same instant, as after an outage.

    Args:
        port: of the server on this machine.
        request: whole.
        rate: requests a second.
        seconds: how long.
        connections: how many requests may be under way.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_offer(port, request, rate=rate, seconds=seconds, connections=connections))


async def _offer(port: int, request: bytes, *, rate: float, seconds: float, connections: int) -> Answers:
    loop, answers, free = asyncio.get_running_loop(), Answers(seconds=seconds), deque[_Connection]()
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(request, answers, free), "127.0.0.1", port)
    await asyncio.sleep(_SETTLING)
    started, sent = time.perf_counter() - connections / rate, 0
    while (passed := time.perf_counter() - started) < seconds:
        for number in range(sent, int(passed * rate)):
            if free:
                free.popleft().send(started + number / rate)
            else:
                answers.unsent += 1
        sent = int(passed * rate)
        await asyncio.sleep(_TICK)
    await _settle(free, connections - answers.failed)
    return answers


async def _settle(free: "deque[_Connection]", connections: int) -> None:
    for _ in range(100):
        if len(free) >= connections:
            break
        await asyncio.sleep(0.02)
    _close(free)


def _close(connections: "Iterable[_Connection]") -> None:
    for connection in list(connections):
        connection.close()


class _Connection(asyncio.Protocol):
    """One connection, which is free unless a request is under way."""

    def __init__(self, request: bytes, answers: Answers, free: "deque[_Connection]") -> None:
        self._request, self._answers, self._free = request, answers, free
        self._due: float | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As of every protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._free.append(self)

    def send(self, due: float) -> None:
        """Send the request that was due then, by the performance counter."""
        self._due = due
        self._transport.write(self._request)

    def close(self) -> None:
        """Nothing more is sent."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Part of an answer, which has a Content-Length."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank or len(body) < int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]):
            return
        self._received = b""
        if self._due is not None:
            self._answers.times.setdefault(int(head[9:12]), []).append(time.perf_counter() - self._due)
        self._due = None
        self._free.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """As of every protocol."""
        if self._due is not None:
            self._answers.failed += 1
        elif self in self._free:
            self._free.remove(self)
