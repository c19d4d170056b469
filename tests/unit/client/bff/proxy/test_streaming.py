"""The proxy on real sockets: what streams, streams; who goes away is noticed; what breaks off is not completed."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse

from jotary.client.bff import BFF
from jotary.client.bff.proxy.proxy import _PassedBack
from jotary.client.bff.sealing import Sealer
from jotary.client.bff.session import Session, SessionCookies
from jotary.client.token_endpoint import TokenSet
from jotary.client.transport import UpstreamAnswer
from jotary.oauth.secret import Secret

pytestmark = pytest.mark.anyio

SECRET = b"s" * 32


class API:
    """An API whose answers last until the test lets them go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.has_ended = asyncio.Event()
        self.received = 0
        self.first_chunk = asyncio.Event()
        self.breaks = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """`POST` counts what arrives; `GET` sends events."""
        request = Request(scope, receive)
        if scope["method"] == "POST":
            async for chunk in request.stream():
                self.received += len(chunk)
                self.first_chunk.set()
            await PlainTextResponse(str(self.received))(scope, receive, send)
        else:
            await StreamingResponse(self._events(), media_type="text/event-stream")(scope, receive, send)

    async def _events(self) -> AsyncIterator[str]:
        try:
            yield "data: first\n\n"
            await self.go_on.wait()
            if self.breaks:
                raise ConnectionAbortedError
            yield "data: last\n\n"
        finally:
            self.has_ended.set()


class Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, app: Any, http: Any) -> None:
        lifespan: Any = "on" if isinstance(app, BFF) else "off"
        super().__init__(uvicorn.Config(app, log_config=None, log_level="critical", lifespan=lifespan, http=http))
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listens.set()


@asynccontextmanager
async def serving(app: Any, http: str = "auto") -> AsyncIterator[str]:
    """A server on a free loopback port; returns its origin."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(app, http)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await server.listens.wait()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


def cookie() -> str:
    """A session of this moment, sealed as the application seals it."""
    now = int(time.time())
    tokens = TokenSet(
        access_token=Secret("at"), refresh_token=None, id_token=None, scopes=(), obtained_at=now, expires_at=now + 300
    )
    session = Session(id="s", generation=0, subject="p", name=None, email=None, expires_at=now + 900, tokens=tokens)
    headers = SessionCookies(Sealer([SECRET]), secrets.token_bytes).write(session, now=now, present={})
    return headers[0].split(";")[0]


@pytest.fixture
def headers() -> dict[str, str]:
    """What the page's script sends."""
    return {"Cookie": cookie(), "Sec-Fetch-Site": "same-origin", "X-CSRF": "1"}


@asynccontextmanager
async def proxying(api: Any, http: str = "auto", **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser at an application that passes requests on to the API."""
    async with serving(api) as api_url:
        bff = BFF(
            PlainTextResponse("page"),
            issuer="http://127.0.0.1:9",
            client_id="app",
            secret=SECRET,
            base_url="http://127.0.0.1:1",
            proxy={"/api": api_url},
            **options,
        )
        async with serving(bff, http) as url, httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            yield client


async def test_events_arrive_as_they_are_sent(headers: dict[str, str]) -> None:
    """Server-sent events: the first one is there long before the answer ends."""
    api = API()
    async with proxying(api) as browser, browser.stream("GET", "/api/events", headers=headers) as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"data: first\n\n"
        assert not api.has_ended.is_set()
        api.go_on.set()
        assert await anext(chunks) == b"data: last\n\n"
        assert [chunk async for chunk in chunks] == []


async def test_a_browser_that_goes_away_ends_the_call(headers: dict[str, str]) -> None:
    """Otherwise every closed tab would leave a stream open at the API for ever."""
    api = API()
    async with proxying(api) as browser:
        async with browser.stream("GET", "/api/events", headers=headers) as answer:
            await anext(answer.aiter_bytes())
        await asyncio.wait_for(api.has_ended.wait(), 10)


@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_a_browser_that_is_gone_before_the_answer_begins_leaks_nothing(spec_version: str) -> None:
    """Nobody reads the body then, and yet the connection to the API is given back."""
    closed: list[bool] = []

    async def body() -> AsyncIterator[bytes]:
        yield b"never read"

    async def aclose() -> None:
        closed.append(True)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        raise BrokenPipeError

    answer = _PassedBack(UpstreamAnswer(200, [], body(), aclose), [])
    with contextlib.suppress(OSError, ClientDisconnect):
        await answer({"type": "http", "asgi": {"spec_version": spec_version}}, receive, send)
    assert closed == [True]


async def test_an_answer_that_breaks_off_is_not_completed(headers: dict[str, str]) -> None:
    """Half an answer must not look like a whole one."""
    api = API()
    api.breaks = True
    async with proxying(api) as browser, browser.stream("GET", "/api/events", headers=headers) as answer:
        chunks = answer.aiter_bytes()
        await anext(chunks)
        api.go_on.set()
        with pytest.raises(httpx2.RemoteProtocolError):
            await anext(chunks)


async def test_a_large_body_arrives_while_it_is_being_sent(headers: dict[str, str]) -> None:
    """It is streamed, not collected: the API has its beginning before its end is sent."""
    api = API()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * (2 << 20)
        await asyncio.wait_for(api.first_chunk.wait(), 10)
        yield b"x" * (1 << 20)

    async with proxying(api) as browser:
        answer = await browser.post("/api/upload", headers=headers, content=body())
    assert answer.text == str(3 << 20)


async def test_of_two_lengths_the_chunks_count(headers: dict[str, str]) -> None:
    """RFC 9112 §6.3: the other one is not even read, and never reaches the API, where it could hide a request."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = [
        "POST /api/upload HTTP/1.1",
        "Host: x",
        "Connection: close",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
    ]
    async with proxying(API(), http="h11") as browser:  # httptools refuses it
        reader, writer = await asyncio.open_connection(browser.base_url.host, browser.base_url.port)
        writer.write("\r\n".join([*head, *lines, "", "200000", "x" * (2 << 20), "0", "", ""]).encode())
        answer = await reader.read()
        writer.close()
    assert answer.endswith(str(2 << 20).encode())


async def test_a_silent_api_is_given_up(headers: dict[str, str]) -> None:
    """504, after the time that the application allows."""

    async def silent(_scope: Any, receive: Callable[[], Any], _send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    async with proxying(silent, upstream_timeout=0.2) as browser:
        answer = await browser.get("/api/todos", headers=headers)
    assert answer.status_code == 504
