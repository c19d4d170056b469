"""What a connection may send, how long its client is waited for, and who makes room."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from jotary.cli.front_door import FrontDoor, protocol
from jotary.cli.front_door.watch import IDLE, Watch, watch_of

pytestmark = pytest.mark.anyio

_LIMIT = 4
_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


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

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As of every transport."""
        self.sent += bytes(data)

    def can_write_eof(self) -> bool:
        """As of every transport."""
        return True

    def write_eof(self) -> None:
        """As of every transport."""
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

    def resume_reading(self) -> None:
        """As of every transport."""

    @property
    def status(self) -> int:
        """Of the first answer; 0 without one."""
        return int(self.sent[9:12] or b"0")


class Application:
    """Answers `hello` as soon as it may, having read the body."""

    def __init__(self) -> None:
        self.asked = 0
        self.names: set[bytes] = set()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        self.asked += 1
        await self.may_answer.wait()
        while (await receive()).get("more_body", False):
            pass
        self.names.update(name for name, _ in scope["headers"])
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})


Connect = Callable[[], tuple[FrontDoor, Socket]]


@pytest.fixture
async def application(anyio_backend: str) -> Application:
    """Behind the door."""
    return Application()


@pytest.fixture
async def state(anyio_backend: str) -> ServerState:
    """Of the server that the connections share."""
    return ServerState()


@pytest.fixture
async def watch(state: ServerState) -> Watch:
    """Of that server."""
    return watch_of(state, _LIMIT)


@pytest.fixture
async def connect(application: Application, state: ServerState, watch: Watch) -> AsyncIterator[Connect]:
    """Makes a connection."""
    config = uvicorn.Config(
        application, http=FrontDoor, limit_concurrency=_LIMIT, timeout_keep_alive=5, log_config=None, access_log=False
    )
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


def _sweep(watch: Watch, times: int) -> None:
    for _ in range(times):
        watch.sweep()


async def _run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_request_is_answered_and_the_connection_kept(connect: Connect) -> None:
    """All bounds are far from what is sent in earnest."""
    connection, socket = connect()
    for _ in range(3):
        connection.data_received(_GET)
        await _run()
    assert (socket.sent.count(b"200 OK"), socket.end) == (3, "")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\nHOST: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=[
        "no host",
        "two hosts",
        "two hosts in HTTP/1.0",
        "another version",
        "an old version",
        "no version",
        "a body that is not decoded",
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused(connect: Connect, application: Application, sent: bytes) -> None:
    """RFC 9112 §2.3, §3.2 and §6.1: a proxy before us could take it for another site's, or for another request."""
    connection, socket = connect()
    connection.data_received(sent + _GET)
    await _run()
    assert (socket.status, socket.end, application.asked) == (400, "eof", 0)
    assert socket.sent.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n"], ids=["ours", "the parser's"]
)
async def test_a_refusal_is_never_taken_for_the_answer_to_another_request(
    connect: Connect, application: Application, sent: bytes
) -> None:
    """RFC 9112 §9.3.2: answers come in the order of the requests, so what comes too early only ends the connection."""
    connection, socket = connect()
    application.may_answer.clear()
    connection.data_received(_GET)
    await _run()
    connection.data_received(sent)
    assert (socket.sent, socket.end) == (b"", "abort")


async def test_a_body_that_cannot_be_read_is_still_answered(connect: Connect) -> None:
    """Its request is the one that is answered, and nothing of the answer has been sent."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\n")
    assert socket.status == 400


@pytest.mark.parametrize("is_pipelined", [False, True], ids=["first", "behind another"])
async def test_what_comes_behind_a_body_is_no_header(
    connect: Connect, application: Application, *, is_pipelined: bool
) -> None:
    """RFC 9110 §6.5.1: a proxy that sets `X-Forwarded-For` or reads `Authorization` looks at the head alone."""
    connection, socket = connect()
    body = b"2\r\nhi\r\n0\r\nAuthorization: Bearer t\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    sent = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    connection.data_received(_GET * is_pipelined + sent + _GET)
    for _ in range(3):
        await _run()
    assert application.names == {b"host", b"transfer-encoding"}
    assert (socket.sent.count(b"200 OK"), socket.end) == (2 + is_pipelined, "")


async def test_nothing_follows_a_request_for_another_protocol(connect: Connect) -> None:
    """RFC 9110 §7.8: the parser leaves the connection there, so a request behind it would never be answered."""
    connection, socket = connect()
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + _GET)
    await _run()
    assert (socket.sent.count(b"200 OK"), socket.end) == (1, "close")


async def test_a_client_of_http_1_0_need_not_name_a_host(connect: Connect) -> None:
    """RFC 9112 §3.2 asks for it since HTTP/1.1; a load balancer's question for its health often has none."""
    connection, socket = connect()
    connection.data_received(b"GET /health HTTP/1.0\r\n\r\n")
    await _run()
    assert socket.status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * protocol.MAX_HEAD_SIZE, 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000, 431),
        (b"GET /" + b"a" * protocol.MAX_HEAD_SIZE, 414),
    ],
    ids=["one header", "many headers", "request line"],
)
async def test_a_head_that_is_too_large_is_refused_before_it_is_whole(
    connect: Connect, application: Application, sent: bytes, status: int
) -> None:
    """RFC 6585 §5, RFC 9110 §15.5.15: at once, and nothing of what follows is looked at."""
    connection, socket = connect()
    for start in range(0, len(sent) + 1, 4096):
        connection.data_received(sent[start : start + 4096])
    connection.data_received(b"\r\n\r\n" + _GET)
    await _run()
    assert (socket.status, socket.end, application.asked) == (status, "eof", 0)
    assert socket.sent.count(b"HTTP/1.1") == 1


async def test_the_largest_head_that_an_endpoint_takes_is_passed_on(connect: Connect) -> None:
    """Endpoints word their refusals themselves, up to their own limits."""
    connection, socket = connect()
    connection.data_received(b"GET /?" + b"a" * 24_576 + b" HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 32_768 + b"\r\n\r\n")
    await _run()
    assert socket.status == 200


async def test_a_body_that_is_all_framing_is_refused(connect: Connect) -> None:
    """A chunk extension without end is nothing to an application, which counts what is left of it (RFC 9112 §7.1.1)."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;")
    for _ in range(protocol.MAX_BODY_SIZE // 65_536 + 1):
        connection.data_received(b"a" * 65_536)
    assert (socket.status, socket.end) == (413, "eof")


async def test_pipelined_requests_are_answered_up_to_a_number(connect: Connect, application: Application) -> None:
    """RFC 9112 §9.3.2: a client must expect that the connection ends."""
    connection, socket = connect()
    connection.data_received(_GET * protocol.MAX_PIPELINED)
    for _ in range(protocol.MAX_PIPELINED):
        await _run()
    assert (socket.sent.count(b"200 OK"), socket.end) == (protocol.MAX_PIPELINED, "")
    connection.data_received(_GET * 10_000)
    await _run()
    assert socket.end == "abort"
    assert application.asked <= protocol.MAX_PIPELINED + 1


@pytest.mark.parametrize(
    ("sent", "patience", "status"),
    [
        (b"", protocol.HEAD_PATIENCE, 0),
        (b"GET / HT", protocol.HEAD_PATIENCE, 408),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na", protocol.BODY_PATIENCE, 408),
        (_GET, 5, 200),
    ],
    ids=["nothing", "head", "body", "keep-alive"],
)
async def test_a_client_is_waited_for_so_long(
    connect: Connect, watch: Watch, sent: bytes, patience: int, status: int
) -> None:
    """A slow client does not hold its connection; it is told, if it was in the middle of a request."""
    connection, socket = connect()
    if sent:
        connection.data_received(sent)
    await _run()
    _sweep(watch, patience)
    assert socket.end == ""
    _sweep(watch, 1)
    await _run()
    assert socket.end == ("eof" if status == 408 else "close")
    assert socket.status == status


async def test_trickling_bytes_does_not_buy_time(connect: Connect, watch: Watch) -> None:
    """Slowloris: the deadline is that of the whole head."""
    connection, socket = connect()
    for byte in b"GET / HTTP/1.1\r\nX":
        connection.data_received(bytes([byte]))
        watch.sweep()
    assert socket.end != ""


async def test_an_answer_that_takes_long_is_waited_for(
    connect: Connect, application: Application, watch: Watch
) -> None:
    """A follower of the feed has sent all it has to send."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET)
    await _run()
    _sweep(watch, 100)
    assert socket.end == ""
    application.may_answer.set()
    await _run()
    assert socket.status == 200


async def test_a_client_that_does_not_read_is_cut_off(connect: Connect, application: Application, watch: Watch) -> None:
    """Its answers would stay in memory."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET)
    await _run()
    connection.pause_writing()
    _sweep(watch, protocol.READ_PATIENCE)
    assert socket.end == ""
    watch.sweep()
    assert socket.end == "abort"


async def test_who_was_refused_while_sending_may_read_the_answer_first(connect: Connect, watch: Watch) -> None:
    """RFC 9112 §9.6: closed at once, the connection would be reset, and the answer lost."""
    connection, socket = connect()
    connection.data_received(b"GET /" + b"a" * 2 * protocol.MAX_HEAD_SIZE)
    assert socket.end == "eof"
    _sweep(watch, protocol.LINGER)
    assert socket.end == "eof"
    watch.sweep()
    assert socket.end == "abort"


async def test_whoever_has_been_waited_for_longest_makes_room(
    connect: Connect, application: Application, watch: Watch
) -> None:
    """Idle connections shut nobody out; one whose request is being answered is left alone."""
    application.may_answer.clear()
    busy, busy_socket = connect()
    busy.data_received(_GET)
    await _run()
    others = [connect() for _ in range(_LIMIT - 1)]
    _sweep(watch, IDLE)
    newcomer, socket = connect()
    assert [other.end for _, other in others] == ["abort", "", ""]
    newcomer.data_received(_GET)
    application.may_answer.set()
    await _run()
    assert (busy_socket.status, socket.status) == (200, 200)


async def test_a_connection_in_use_makes_room_at_twice_the_limit_alone(
    connect: Connect, application: Application, watch: Watch
) -> None:
    """Between two requests it is not idle: cut off then, its client could not tell what became of the next one."""
    used, socket = connect()
    used.data_received(_GET)
    await _run()
    _sweep(watch, IDLE - 1)
    others = [connect() for _ in range(2 * _LIMIT - 1)]
    used.data_received(_GET)
    await _run()
    assert (socket.end, application.asked) == ("", 2)
    connect()
    assert [other.end for _, other in others] == ["abort"] + [""] * (2 * _LIMIT - 2)


async def test_no_more_requests_are_under_way_than_connections_are_allowed(
    connect: Connect, application: Application
) -> None:
    """When nobody idles, who comes then is answered 503 at once, and told when to come back (RFC 9110 §15.6.4)."""
    application.may_answer.clear()
    for connection, _ in [connect() for _ in range(_LIMIT)]:
        connection.data_received(_GET)
        await _run()
    connection, socket = connect()
    connection.data_received(_GET)
    assert socket.status == 503
    assert b"retry-after: 1\r\n" in socket.sent
    assert b'"error":"temporarily_unavailable"' in socket.sent
    assert (socket.end, application.asked) == ("", _LIMIT)


async def test_more_requests_in_one_turn_than_can_be_served_soon_are_refused(
    connect: Connect, application: Application
) -> None:
    """Of what comes at once, the first get their turn, and the health of the server is told in any case."""
    doors = [connect() for _ in range(4)]
    for (each, _), request in zip(doors, (_GET, _GET, _GET, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), strict=True):
        each.data_received(request)
    await _run()
    connection, sockets = doors[-1][0], [socket for _, socket in doors]
    assert [socket.status for socket in sockets] == [200, 200, 503, 200]
    assert application.asked == 3
    connection.data_received(_GET)
    await _run()
    assert sockets[3].sent.count(b"200 OK") == 2


@pytest.mark.parametrize(
    ("request_", "expected", "end"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html,*/*\r\n\r\n", b"<h1>Too busy just now</h1>", ""),
        (b"GET / HTTP/1.0\r\n\r\n", b"temporarily_unavailable", "close"),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n", ""),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", b"temporarily_unavailable", ""),
    ],
    ids=["browser", "HTTP/1.0", "HEAD", "form"],
)
async def test_a_refusal_suits_who_asks(connect: Connect, request_: bytes, expected: bytes, end: str) -> None:
    """People get a page, programs JSON, HEAD no content (RFC 9110 §9.3.2); the next request is understood."""
    for first, _ in [connect() for _ in range(_LIMIT // 2)]:
        first.data_received(_GET)
    connection, socket = connect()
    connection.data_received(request_)
    assert (socket.status, socket.end) == (503, end)
    assert expected in socket.sent
    if request_.startswith(b"HEAD"):
        assert socket.sent.endswith(b"\r\n\r\n")
    await _run()
    if not end:
        connection.data_received(_GET)
        await _run()
        assert socket.sent.count(b"200 OK") == 1
