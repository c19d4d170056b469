"""Streams to APIs over a real network."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import httpx2
import pytest

from jotary.client import transport
from jotary.client.errors import UnavailableError
from jotary.client.transport import (
    UpstreamTimeoutError,
    UpstreamTransport,
)

if TYPE_CHECKING:
    from tests.unit.client.transport.conftest import Server

Serving: TypeAlias = Callable[..., AbstractAsyncContextManager["Server"]]

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def passing(patience: float = 5.0) -> AsyncIterator[UpstreamTransport]:
    """Streams to an API."""
    streams = UpstreamTransport(timeout=patience)
    yield streams
    await streams.aclose()


async def collect(body: AsyncIterator[bytes]) -> bytes:
    """All of a stream."""
    return b"".join([chunk async for chunk in body])


async def test_an_answer_is_handed_on_before_it_is_complete() -> None:
    """Status and headers first; the body as it comes, compressed as it is."""
    head = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A: 2\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"5\r\nfirst\r\n")
        await sent.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(slow, "127.0.0.1", 0) as listening, passing() as streams:
        port = listening.sockets[0].getsockname()[1]
        answer = await streams.send("GET", f"http://127.0.0.1:{port}/", [], b"")
        assert answer.status == 200
        assert [value for name, value in answer.headers if name.lower() == b"x-a"] == [b"1", b"2"]
        body = aiter(answer.body)
        assert await anext(body) == b"first"
        sent.set()
        assert await anext(body) == b"last"
        await answer.aclose()


async def test_only_the_headers_that_are_given_are_sent(serving: Serving) -> None:
    """No User-Agent, no Accept of our own: the browser's stand, or nothing does."""
    async with serving(OK) as server, passing() as streams:
        answer = await streams.send("GET", f"{server.url}/x?y", [(b"x-a", b"1")], b"")
        assert await collect(answer.body) == b"{}"
    host = server.url.removeprefix("http://").encode()
    assert sorted(server.requests[0].lower().rstrip().split(b"\r\n")) == [
        b"get /x?y http/1.1",
        b"host: " + host,
        b"x-a: 1",
    ]


async def test_an_api_is_not_reached_through_the_proxies_of_the_environment(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands beside the application; a token must not make a detour."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with serving(OK) as server, passing() as streams:
        answer = await streams.send("GET", server.url, [], b"")
        assert await collect(answer.body) == b"{}"


async def test_an_api_that_is_silent_is_given_up(serving: Serving) -> None:
    """504 in the end, not a hanging page."""
    async with serving(30.0) as server, passing(0.1) as streams:
        with pytest.raises(UpstreamTimeoutError) as caught:
            await streams.send("GET", f"{server.url}/?q=secret", [], b"")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("answer", [None, b"SSH-2.0\r\n\r\n"])
async def test_an_api_that_hangs_up_is_unavailable(serving: Serving, answer: bytes | None) -> None:
    """502 in the end."""
    async with serving(answer, hangs_up_after=answer) as server, passing() as streams:
        with pytest.raises(UnavailableError) as caught:
            await streams.send("GET", f"{server.url}/?q=secret", [], b"")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [101, 600, 999])
async def test_a_status_that_nobody_can_pass_on_is_no_answer(
    serving: Serving, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9110 §15: there is none beyond 599, and nobody asked for another protocol. The connection is given back."""
    monkeypatch.setattr(transport, "_LIMITS", httpx2.Limits(max_connections=1))
    answer = b"HTTP/1.1 %d Odd\r\nContent-Length: 2\r\n\r\n{}" % status
    async with serving(answer, OK) as server, passing() as streams:
        with pytest.raises(UnavailableError):
            await streams.send("GET", server.url, [], b"")
        assert await collect((await streams.send("GET", server.url, [], b"")).body) == b"{}"


async def test_a_body_is_streamed_as_it_comes(serving: Serving) -> None:
    """With the length that was declared, or in chunks."""

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with serving(OK, OK) as server, passing() as streams:
        answer = await streams.send("PUT", server.url, [(b"content-length", b"6")], body())
        await answer.aclose()
    assert server.requests[0].endswith(b"\r\n\r\nonetwo")
    assert b"chunked" not in server.requests[0].lower()


async def test_idle_connections_are_dropped_before_the_server_drops_them() -> None:
    """A code that is sent on a connection which is just being closed would be lost."""
    assert transport._LIMITS.keepalive_expiry is not None
    assert transport._LIMITS.keepalive_expiry < 5


async def test_the_limits_on_connections_are_kept(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: none is kept for later."""
    monkeypatch.setattr(transport, "_LIMITS", httpx2.Limits(max_keepalive_connections=0))
    async with serving(OK, OK) as server, passing() as streams:
        for _ in range(2):
            await collect((await streams.send("GET", server.url, [], b"")).body)
        assert server.connections == 2


@pytest.mark.parametrize(("patience", "reaching"), [(30.0, 5.0), (2.0, 2.0)])
async def test_an_api_may_take_its_time_to_answer_but_not_to_be_reached(patience: float, reaching: float) -> None:
    """Neither the API nor our own pool of connections; and who does not read is given up like who does not write."""
    limits: list[object] = []

    class Recorder(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            limits.append(request.extensions["timeout"])
            return httpx2.Response(200)

    await UpstreamTransport(network=Recorder(), timeout=patience).send("GET", "http://127.0.0.1/", [], b"")
    assert limits == [{"connect": reaching, "pool": reaching, "read": patience, "write": patience}]


async def test_an_api_that_cannot_prove_its_name_gets_no_token(
    self_signed: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """RFC 6750 §5.2: TLS, and the certificate checked; the application may vouch for one itself."""
    its_own, ours = self_signed
    received: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=its_own) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        async with passing() as streams:
            with pytest.raises(UnavailableError, match="ConnectError"):
                await streams.send("GET", url, [(b"authorization", b"Bearer at")], b"")
        assert received == []
        trusting = UpstreamTransport(tls=ours, timeout=5)
        assert await collect((await trusting.send("GET", url, [], b"")).body) == b"{}"
        await trusting.aclose()
