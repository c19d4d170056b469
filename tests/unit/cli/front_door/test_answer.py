"""The head of an answer is the one that uvicorn itself would send."""

import asyncio
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from jotary.cli.front_door.answer import Answer

pytestmark = pytest.mark.anyio

DATE = (b"date", b"Mon, 23 Nov 2026 20:00:00 GMT")
TYPE = (b"content-type", b"application/json")
LENGTH = (b"content-length", b"2")
BODY = {"type": "http.response.body", "body": b"{}"}


class Connection(asyncio.Transport):
    """Remembers what was written, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Remember."""
        self.written += bytes(data)

    def close(self) -> None:
        """Remember."""
        self.is_closed = True


def request(method: str = "GET", *, keep_alive: bool = True) -> tuple[RequestResponseCycle, Connection]:
    """The state that uvicorn keeps of a request."""
    connection = Connection()
    scope: Any = {"type": "http", "method": method}
    unused: Any = None
    cycle = RequestResponseCycle(
        scope,
        connection,
        FlowControl(connection),
        logger=unused,
        access_logger=unused,
        access_log=False,
        default_headers=[DATE],
        message_event=asyncio.Event(),
        expect_100_continue=True,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )
    return cycle, connection


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    """The first message of an answer."""
    return {"type": "http.response.start", "status": status, "headers": headers}


async def said(cycle: RequestResponseCycle, connection: Connection, send: Any, *messages: Any) -> Any:
    """What comes of it: what is sent, what fails, and the state of the request."""
    failure = ""
    try:
        for message in messages:
            await send(message)
    except RuntimeError as error:
        failure = str(error)
    state = (cycle.response_started, cycle.response_complete, cycle.waiting_for_100_continue, cycle.keep_alive)
    return connection.written, connection.is_closed, failure, state


ANSWERS = {
    "usual": [start(TYPE, LENGTH), BODY],
    "in capitals": [start((b"Content-Type", b"text/html"), (b"Content-Length", b"2")), BODY],
    "one in capitals": [start((b"Content-Type", b"text/html"), LENGTH), BODY],
    "unchanged": [start((b"etag", b'"1"'), status=304), {"type": "http.response.body", "body": b""}],
    "no length": [start(TYPE), BODY],
    "no headers": [{"type": "http.response.start", "status": 204}, {"type": "http.response.body"}],
    "two lengths": [start(LENGTH, (b"content-length", b"3")), BODY],
    "closed by the application": [start(LENGTH, (b"connection", b"close")), BODY],
    "chunked": [start(LENGTH, (b"transfer-encoding", b"chunked")), BODY],
    "in parts": [start(LENGTH), {**BODY, "body": b"{", "more_body": True}, {**BODY, "body": b"}"}],
    "too long": [start(LENGTH), {**BODY, "body": b"{ }"}],
    "too short": [start(LENGTH), {**BODY, "body": b"{"}],
    "a line break in a value": [start(LENGTH, (b"x-name", b"a\r\nset-cookie: b=c")), BODY],
    "a line break in a name": [start(LENGTH, (b"x-name\r\nset-cookie", b"b=c")), BODY],
    "a space in a name": [start(LENGTH, (b"x name", b"a")), BODY],
    "two heads": [start(LENGTH), start(LENGTH)],
    "no head": [BODY],
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("messages", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_is_what_uvicorn_would_send(messages: list[Any], method: str, *, keep_alive: bool) -> None:
    """RFC 9112 §5, §6: the same bytes, the same failures, and the same state for what comes next."""
    ours, theirs = request(method, keep_alive=keep_alive), request(method, keep_alive=keep_alive)
    assert await said(*ours, Answer(ours[0]).send, *messages) == await said(*theirs, theirs[0].send, *messages)


async def test_an_answer_without_any_header_is_left_to_uvicorn() -> None:
    """A server without a date of its own."""
    cycle, connection = request()
    cycle.default_headers = []
    await Answer(cycle).send({"type": "http.response.start", "status": 204})
    assert connection.written == b"HTTP/1.1 204 No Content\r\n\r\n"


async def test_nothing_is_sent_to_a_client_that_has_gone() -> None:
    """As uvicorn has it."""
    cycle, connection = request()
    cycle.disconnected = True
    assert (await said(cycle, connection, Answer(cycle).send, start(LENGTH), BODY))[0] == b""


async def test_a_head_waits_for_a_client_that_does_not_read() -> None:
    """What waits in memory has a bound."""
    cycle, connection = request()
    cycle.flow.pause_writing()
    answering = asyncio.create_task(Answer(cycle).send(start(LENGTH)))
    await asyncio.sleep(0)
    assert connection.written == b""
    cycle.flow.resume_writing()
    await answering
    assert connection.written.startswith(b"HTTP/1.1 200 OK\r\n")
