"""A load generator: connections that are kept alive, each with one request under way, over raw asyncio."""

import asyncio
import base64
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import msgspec
import uvloop


class Script(Protocol):
    """What one connection sends, and what it learns from the answers."""

    def request(self) -> bytes:
        """The next request, whole."""

    def answered(self, body: bytes) -> None:
        """Take note of the answer to it."""


class Repeat:
    """The same request again and again.

    Args:
        request: whole.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request

    def request(self) -> bytes:
        """The next request, whole."""
        return self._request

    def answered(self, body: bytes) -> None:
        """An answer teaches nothing."""


class _Refreshed(msgspec.Struct):
    refresh_token: str


class Refresh:
    """Each request brings the refresh token of the answer before it (RFC 6749 §6).

    Args:
        token_endpoint: its path.
        client_secret: of the client `web`.
        refresh_token: the first one.
    """

    _decode = msgspec.json.Decoder(_Refreshed).decode

    def __init__(self, token_endpoint: str, client_secret: str, refresh_token: str) -> None:
        self._endpoint, self._secret, self._refresh_token = token_endpoint, client_secret, refresh_token

    def request(self) -> bytes:
        """The next request, whole."""
        return post(
            self._endpoint, "web", self._secret, f"grant_type=refresh_token&refresh_token={self._refresh_token}"
        )

    def answered(self, body: bytes) -> None:
        """Keep the new token; the same one again would mean that nothing rotates."""
        refresh_token = self._decode(body).refresh_token
        if refresh_token == self._refresh_token:
            raise RuntimeError("the refresh token did not rotate")
        self._refresh_token = refresh_token


class RefreshAnyone(Refresh):
    """Each request brings the refresh token of somebody else, who has their turn again when everybody had theirs.

    Args:
        token_endpoint: its path.
        client_secret: of the client `web`.
        refresh_tokens: one for each session; all connections share them, and take from the front.
    """

    def __init__(self, token_endpoint: str, client_secret: str, refresh_tokens: deque[str]) -> None:
        super().__init__(token_endpoint, client_secret, "")
        self._refresh_tokens = refresh_tokens

    def request(self) -> bytes:
        """The next request, whole."""
        self._refresh_token = self._refresh_tokens.popleft()
        return super().request()

    def answered(self, body: bytes) -> None:
        """Keep the new token, behind those of all others."""
        super().answered(body)
        self._refresh_tokens.append(self._refresh_token)


@dataclass(frozen=True)
class Measured:
    """How many requests were answered, in how many seconds."""

    requests: int
    seconds: float


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode()


def post(path: str, client_id: str, client_secret: str, body: str) -> bytes:
    """A request to a token endpoint, with client_secret_basic (RFC 6749 §2.3.1)."""
    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAuthorization: Basic {credentials}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def drive(port: int, scripts: Sequence[Script], seconds: float) -> Measured:
    """Send as fast as the answers come, one connection for each script; what is under way at the end is awaited.

    Raises:
        RuntimeError: an answer was no 200, or a connection was closed.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_drive(port, scripts, seconds))


async def _drive(port: int, scripts: Sequence[Script], seconds: float) -> Measured:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds + 0.05  # by then all are connected
    connections = [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in scripts]
    started = time.perf_counter()
    answers = await asyncio.gather(
        *(each.run(script, deadline) for each, script in zip(connections, scripts, strict=True))
    )
    return Measured(sum(answers), time.perf_counter() - started)


class _Connection(asyncio.Protocol):
    """One connection. Understands answers with a Content-Length, which both servers send."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[int] = self._loop.create_future()
        self._received = b""
        self._answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As of every protocol."""
        self._transport = cast("asyncio.Transport", transport)

    async def run(self, script: Script, deadline: float) -> int:
        """Send until the deadline; return how many requests were answered."""
        self._script, self._deadline = script, deadline
        self._transport.write(script.request())
        try:
            return await self._finished
        finally:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank or len(body) < _content_length(head):
            return
        self._received = b""
        try:
            self._answered(head, body)
        except (RuntimeError, msgspec.DecodeError) as error:
            self._finished.set_exception(error)

    def connection_lost(self, _: Exception | None) -> None:
        """As of every protocol."""
        if not self._finished.done():
            self._finished.set_exception(RuntimeError("the server closed a connection"))

    def _answered(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{head.decode()}\n{body.decode()}")
        self._script.answered(body)
        self._answers += 1
        if self._loop.time() < self._deadline:
            self._transport.write(self._script.request())
        else:
            self._finished.set_result(self._answers)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    if not found:
        raise RuntimeError("an answer without Content-Length")
    return int(rest.partition(b"\r\n")[0])
