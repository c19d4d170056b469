"""A front door between a client that is seen through, and an application that answers when it may."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from jotary.cli.front_door import FrontDoor
from jotary.cli.front_door.watch import Watch, watch_of
from jotary.server.model.request_notes import AWAITED


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


class Socket(asyncio.Transport):
    """What a client would see."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.sent = b""
        self.end = ""
        self.has_halves = True  # TLS has not
        self.is_read = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As of every transport."""
        assert not self.end, "asyncio refuses to write behind the end"
        self.sent += bytes(data)

    def can_write_eof(self) -> bool:
        """As of every transport."""
        return self.has_halves

    def write_eof(self) -> None:
        """As of every transport."""
        assert not self.end
        self.end = "eof"

    def close(self) -> None:
        """As of every transport."""
        self.end = self.end or "close"

    def abort(self) -> None:
        """As of every transport."""
        self.end = "abort"

    def is_closing(self) -> bool:
        """As of every transport."""
        return self.end in {"close", "abort"}

    def pause_reading(self) -> None:
        """As of every transport."""
        self.is_read = False

    def resume_reading(self) -> None:
        """As of every transport."""
        self.is_read = True

    @property
    def status(self) -> int:
        """Of the first answer; 0 without one."""
        return int(self.sent[9:12] or b"0")

    @property
    def answers(self) -> int:
        """How many began."""
        return self.sent.count(b"HTTP/1.1 ")


class Application:
    """Answers `hello` as soon as it may, having read the body.

    Attributes:
        targets: the paths that were asked for.
        names: of all headers that there were.
        awaited: for each, whether somebody waits for the answer.
        may_answer: set: the answer may begin.
        may_end: set: it may end.
        reads: whether it reads the body first.
        finished: how many answers it got rid of.
    """

    def __init__(self) -> None:
        self.targets: list[str] = []
        self.names: set[bytes] = set()
        self.awaited: list[Callable[[], bool]] = []
        self.may_answer, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_answer.set()
        self.may_end.set()
        self.reads = True
        self.finished = 0

    @property
    def asked(self) -> int:
        """How many requests it has had."""
        return len(self.targets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        self.targets.append(scope["path"])
        self.awaited.append(scope[AWAITED])
        await self.may_answer.wait()
        while self.reads and (await receive()).get("more_body", False):
            pass
        self.names.update(name for name, _ in scope["headers"])
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.may_end.wait()
        await send({"type": "http.response.body", "body": b"hello"})
        self.finished += 1


Connect = Callable[[], tuple[FrontDoor, Socket]]
Turns = Callable[[], Awaitable[None]]
Sweep = Callable[[int], None]


@pytest.fixture
def limit() -> int:
    """How many connections there may be; of their requests, one may begin in a turn."""
    return 3


@pytest.fixture
async def application(anyio_backend: str) -> Application:
    """Behind the door."""
    return Application()


@pytest.fixture
async def state(anyio_backend: str) -> ServerState:
    """Of the server that the connections share."""
    return ServerState()


@pytest.fixture
async def watch(state: ServerState, limit: int) -> Watch:
    """Of that server."""
    return watch_of(state, limit)


@pytest.fixture
async def connect(application: Application, state: ServerState, watch: Watch, limit: int) -> AsyncIterator[Connect]:
    """Makes a connection."""
    options: dict[str, Any] = {"timeout_keep_alive": 5, "log_config": None, "access_log": False}
    config = uvicorn.Config(application, http=FrontDoor, limit_concurrency=limit, **options)
    config.load()

    def connect() -> tuple[FrontDoor, Socket]:
        connection, socket = FrontDoor(config, state, {}), Socket()
        connection.connection_made(socket)
        return connection, socket

    yield connect
    for connection in list(state.connections):
        connection.connection_lost(None)
    if watch._timer is not None:
        watch._timer.cancel()


@pytest.fixture
def sweep(watch: Watch) -> Sweep:
    """Lets so many seconds pass."""

    def sweep(times: int) -> None:
        for _ in range(times):
            watch.sweep()

    return sweep


@pytest.fixture
def turns(anyio_backend: str) -> Turns:
    """Lets the event loop run what is ready."""

    async def turns() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    return turns
