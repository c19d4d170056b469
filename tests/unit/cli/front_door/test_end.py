"""When a connection ends: the client has hung up, or the server stops."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from jotary.cli.front_door import FrontDoor
from jotary.cli.front_door.hang_up import has_hung_up
from jotary.server.model.request_notes import AWAITED

pytestmark = pytest.mark.anyio

_POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"


class Application:
    """Answers unless nobody waits, as `Endpoint` does."""

    def __init__(self) -> None:
        self.answered = 0
        self.stops = False

    def is_stopping(self) -> bool:
        """As of jotary's."""
        return self.stops

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope[AWAITED]():
            self.answered += 1
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})


@pytest.fixture
async def application(anyio_backend: str) -> Application:
    """Behind the door."""
    return Application()


@pytest.fixture
async def client(application: Application) -> AsyncIterator[socket.socket]:
    """A client's side of a connection to a front door."""
    theirs, ours = socket.socketpair()
    theirs.setblocking(False)
    config = uvicorn.Config(application, http=FrontDoor, proxy_headers=False, log_config=None, access_log=False)
    config.load()
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: FrontDoor(config, ServerState(), {}), sock=ours
    )
    yield theirs
    theirs.close()
    transport.close()
    await asyncio.sleep(0)


async def _answer(client: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(client, 4096)


async def test_who_waits_is_answered(client: socket.socket, application: Application) -> None:
    """Twice, over one connection."""
    for _ in range(2):
        client.send(_POST)
        assert b" 200 OK\r\n" in await _answer(client)
    assert application.answered == 2


async def test_who_has_hung_up_before_the_request_was_read_is_not(
    client: socket.socket, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    """Though the request is whole, and the event loop has not come to its end yet."""
    client.send(_POST)
    client.shutdown(socket.SHUT_WR)
    assert await _answer(client) == b""
    assert application.answered == 0
    assert not caplog.records, "nothing has failed"


async def test_a_server_that_stops_keeps_no_connection(client: socket.socket, application: Application) -> None:
    """Not even one that was accepted in that moment, which uvicorn does not know of (RFC 9112 §9.6)."""
    application.stops = True
    client.send(_POST)
    assert b"\r\nconnection: close\r\n" in await _answer(client)
    assert await _answer(client) == b""


@pytest.mark.parametrize("sent", [b"", b"something that nobody has read"])
def test_a_hang_up_is_seen_behind_what_was_sent(sent: bytes) -> None:
    """poll(2), POLLRDHUP."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.send(sent)
            assert not has_hung_up(ours.fileno())
        assert has_hung_up(ours.fileno())


def test_where_nobody_can_tell_everybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of Linux a request is answered as ever."""
    monkeypatch.setattr("jotary.cli.front_door.hang_up._HANG_UP", 0)
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        assert not has_hung_up(ours.fileno())
