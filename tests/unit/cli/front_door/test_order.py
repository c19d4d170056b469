"""Answers come in the order of the requests, and each is taken for what it is (RFC 9112 §9.3)."""

import asyncio
import gc
from typing import TYPE_CHECKING
from weakref import ref

import pytest

from jotary.cli.front_door import protocol

if TYPE_CHECKING:
    from tests.unit.cli.front_door.conftest import Application, Connect, Turns
    from uvicorn.server import ServerState

    from jotary.cli.front_door.watch import Watch

pytestmark = pytest.mark.anyio

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_request_is_answered_and_the_connection_kept(
    state: "ServerState", connect: "Connect", turns: "Turns"
) -> None:
    """All bounds are far from what is sent in earnest."""
    connection, socket = connect()
    for _ in range(3):
        connection.data_received(_GET)
        await turns()
    assert (socket.sent.count(b"200 OK"), socket.end, state.total_requests) == (3, "", 3)


async def test_a_body_that_cannot_be_read_is_still_answered(connect: "Connect") -> None:
    """Its request is the one that is answered, and nothing of the answer has been sent."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\n")
    assert socket.status == 400


@pytest.mark.parametrize("is_pipelined", [False, True], ids=["first", "behind another"])
async def test_what_comes_behind_a_body_is_no_header(
    connect: "Connect", application: "Application", turns: "Turns", *, is_pipelined: bool
) -> None:
    """RFC 9110 §6.5.1: a proxy that sets `X-Forwarded-For` or reads `Authorization` looks at the head alone."""
    connection, socket = connect()
    body = b"2\r\nhi\r\n0\r\nAuthorization: Bearer t\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    connection.data_received(_GET * is_pipelined + _CHUNKED + body + _GET)
    for _ in range(3):
        await turns()
    assert application.names == {b"host", b"transfer-encoding"}
    assert (socket.sent.count(b"200 OK"), socket.end) == (2 + is_pipelined, "")


@pytest.mark.parametrize(("version", "leaves"), [(b"1.1", 1), (b"1.0", 0)])
async def test_leave_to_send_a_body_is_given_where_it_is_understood(
    connect: "Connect", turns: "Turns", version: bytes, leaves: int
) -> None:
    """RFC 9110 §10.1.1, §15.2: HTTP/1.0 knows no interim answers, and would take this for the answer."""
    connection, socket = connect()
    head = b"POST / HTTP/%b\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    connection.data_received(head % version)
    await turns()
    assert socket.sent.count(b" 100 Continue\r\n") == leaves
    connection.data_received(b"hi")
    await turns()
    assert socket.sent.count(b" 200 OK\r\n") == 1


async def test_nothing_follows_a_request_for_another_protocol(connect: "Connect", turns: "Turns") -> None:
    """RFC 9110 §7.8: the parser leaves the connection there, so a request behind it would never be answered."""
    connection, socket = connect()
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + _GET)
    await turns()
    assert (socket.sent.count(b"200 OK"), socket.end) == (1, "close")


async def test_pipelined_requests_are_answered_in_their_order(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """RFC 9112 §9.3.2, and what follows on them is read."""
    application.may_answer.clear()
    application.reads = False
    connection, socket = connect()
    for target in b"abc":
        connection.data_received(b"GET /%c HTTP/1.1\r\nHost: x\r\n\r\n" % target)
    application.may_answer.set()
    for _ in range(3):
        await turns()
    assert application.targets == ["/a", "/b", "/c"]
    assert (socket.answers, socket.is_read) == (3, True)


async def test_pipelined_requests_are_answered_up_to_a_number(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """RFC 9112 §9.3.2: a client must expect that the connection ends."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET * (protocol.MAX_PIPELINED + 1))
    assert socket.end == ""
    application.may_answer.set()
    for _ in range(protocol.MAX_PIPELINED + 1):
        await turns()
    assert (socket.sent.count(b"200 OK"), socket.end) == (protocol.MAX_PIPELINED + 1, "")
    connection.data_received(_GET * 10_000)
    await turns()
    assert socket.end == "abort"
    assert application.asked <= protocol.MAX_PIPELINED + 2
    other, other_socket = connect()
    other.data_received(_GET * (protocol.MAX_PIPELINED + 2))
    assert other_socket.end == "abort"


_CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_LARGE = b"GET / HTTP/1.1\r\nX: " + b"a" * 2 * protocol.MAX_HEAD_SIZE


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
        b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
        _CHUNKED + b"-3\r\n",
        _CHUNKED + b"5;" + b"a" * 2 * protocol.MAX_BODY_SIZE,
        _LARGE,
        b"\0",
    ],
    ids=["no host", "a header", "a target without a path", "a chunk", "a body without end", "a large head", "no HTTP"],
)
@pytest.mark.parametrize("reads", [1, 2])
async def test_a_refusal_is_never_taken_for_the_answer_to_another_request(
    connect: "Connect", application: "Application", turns: "Turns", sent: bytes, reads: int
) -> None:
    """RFC 9112 §9.3.2: answers come in the order of the requests, so what comes too early only ends the connection.

    Whether the two came in one read or not.
    """
    connection, socket = connect()
    application.may_answer.clear()
    if reads == 1:
        connection.data_received(_GET + sent)
    else:
        connection.data_received(_GET)
        await turns()
        connection.data_received(sent)
    assert (socket.sent, socket.end) == (b"", "abort")


async def test_what_cannot_be_read_behind_an_answer_is_refused(connect: "Connect", turns: "Turns") -> None:
    """The one before it is answered and done, so it gets its own answer: here the target has no path."""
    connection, socket = connect()
    connection.data_received(_GET)
    await turns()
    connection.data_received(b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n")
    await turns()
    assert (socket.answers, socket.sent.count(b" 400 "), socket.end) == (2, 1, "eof")


async def test_a_refusal_is_never_put_into_an_answer(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """The body cannot be read, but the answer has begun: its client sees that it is not whole (RFC 9112 §8)."""
    application.reads = False
    application.may_end.clear()
    connection, socket = connect()
    connection.data_received(_CHUNKED)
    await turns()
    connection.data_received(b"-3\r\n")
    assert (socket.answers, socket.status, socket.end) == (1, 200, "abort")


async def test_nothing_is_sent_behind_a_refusal(connect: "Connect", application: "Application", turns: "Turns") -> None:
    """The application was asked and answers a body that has been refused meanwhile."""
    application.may_answer.clear()
    application.reads = False
    connection, socket = connect()
    connection.data_received(_CHUNKED)
    connection.data_received(b"-3\r\n")
    application.may_answer.set()
    await turns()
    assert (socket.answers, socket.status, socket.end) == (1, 400, "eof")


async def test_all_who_are_answered_hear_that_the_client_has_gone(
    connect: "Connect", application: "Application", turns: "Turns", watch: "Watch"
) -> None:
    """Also the first of several pipelined requests: a stream that nobody reads would go on for ever."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET + _GET)
    await turns()
    socket.close()
    connection.connection_lost(None)
    assert [is_awaited() for is_awaited in application.awaited] == [False]
    application.may_answer.set()
    await turns()
    assert (application.finished, application.asked, socket.sent) == (1, 1, b"")
    assert not watch._awaited


async def test_a_stream_whose_client_has_gone_is_told(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """ASGI: `http.disconnect`. Behind the stream another request waits, which the server was told of last."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    application.may_end.clear()
    await turns()
    first = connection.cycle
    connection.data_received(_GET)
    following = asyncio.ensure_future(first.receive())
    await turns()
    assert not following.done()
    socket.close()
    connection.connection_lost(None)
    async with asyncio.timeout(30):
        assert await following == {"type": "http.disconnect"}


async def test_nobody_waits_for_a_request_that_was_answered(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """It is let go of when the next one comes, at once: a circle would be left to the collector."""
    connection, _ = connect()
    connection.data_received(_GET)
    await turns()
    answered = ref(connection.cycle)
    gc.disable()
    try:
        connection.data_received(_GET)
        await turns()
        assert answered() is None
    finally:
        gc.enable()
    assert application.awaited[0]() is False
