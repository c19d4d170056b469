"""What a connection may send."""

import logging
from typing import TYPE_CHECKING

import pytest

from jotary.cli.front_door import protocol

if TYPE_CHECKING:
    from tests.unit.cli.front_door.conftest import Application, Connect, Turns

pytestmark = pytest.mark.anyio

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\nHOST: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x/..\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a@x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=[
        "no host",
        "two hosts",
        "two hosts in HTTP/1.0",
        "another version",
        "an old version",
        "no version",
        "a host with a space",
        "a host with a path",
        "a host with a user in HTTP/1.0",
        "a body that is not decoded",
    ],
)
async def test_what_can_be_read_in_two_ways_is_refused(
    connect: "Connect", application: "Application", sent: bytes, turns: "Turns"
) -> None:
    """RFC 9112 §2.3, §3.2 and §6.1: a proxy before us could take it for another site's, or for another request."""
    connection, socket = connect()
    connection.data_received(sent + _GET)
    await turns()
    assert (socket.status, socket.end, application.asked) == (400, "eof", 0)
    assert socket.sent.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("host", [b"", b"x.example:8443", b"[2001:db8::1]:80", b"[v1.a~b]", b"a_b", b"%41"])
async def test_every_host_that_a_client_may_name_is_taken(connect: "Connect", host: bytes, turns: "Turns") -> None:
    """RFC 3986 §3.2.2, RFC 9112 §3.2: empty where the target has none; who the server is, its settings say."""
    connection, socket = connect()
    connection.data_received(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
    await turns()
    assert socket.status == 200


async def test_a_client_of_http_1_0_need_not_name_a_host(connect: "Connect", turns: "Turns") -> None:
    """RFC 9112 §3.2 asks for it since HTTP/1.1; a load balancer's question for its health often has none."""
    connection, socket = connect()
    connection.data_received(b"GET /health HTTP/1.0\r\n\r\n")
    await turns()
    assert socket.status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * protocol.MAX_HEAD_SIZE, 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000, 431),
        (b"GET /" + b"a" * protocol.MAX_HEAD_SIZE, 414),
        (b"GET /" + b"a" * protocol.MAX_HEAD_SIZE + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ],
    ids=["one header", "many headers", "request line", "request line that ends"],
)
async def test_a_head_that_is_too_large_is_refused_before_it_is_whole(
    connect: "Connect", application: "Application", sent: bytes, status: int, turns: "Turns"
) -> None:
    """RFC 6585 §5, RFC 9110 §15.5.15: at once, and nothing of what follows is looked at."""
    connection, socket = connect()
    for start in range(0, len(sent) + 1, 4096):
        connection.data_received(sent[start : start + 4096])
    connection.data_received(b"\r\n\r\n" + _GET)
    await turns()
    assert (socket.status, socket.end, application.asked) == (status, "eof", 0)
    assert socket.sent.count(b"HTTP/1.1") == 1


async def test_the_largest_head_that_an_endpoint_takes_is_passed_on(connect: "Connect", turns: "Turns") -> None:
    """Endpoints word their refusals themselves, up to their own limits."""
    connection, socket = connect()
    connection.data_received(b"GET /?" + b"a" * 24_576 + b" HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 32_768 + b"\r\n\r\n")
    await turns()
    assert socket.status == 200


async def test_a_body_that_is_all_framing_is_refused(connect: "Connect") -> None:
    """A chunk extension without end is nothing to an application, which counts what is left of it (RFC 9112 §7.1.1)."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;")
    for _ in range(protocol.MAX_BODY_SIZE // 65_536 + 1):
        connection.data_received(b"a" * 65_536)
    assert (socket.status, socket.end) == (413, "eof")


@pytest.mark.parametrize(
    ("allowed", "sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nX: ".ljust(protocol.MAX_HEAD_SIZE, b"a"), b"a", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * protocol.MAX_FIELDS + b"a: b", b"\r\na", 431),
        (b"\r\n" * (protocol.MAX_HEAD_SIZE // 2), b"\r", 431),
    ],
    ids=["size", "fields", "line breaks before the request"],
)
async def test_a_head_may_be_as_large_as_its_bound(
    connect: "Connect", allowed: bytes, sent: bytes, status: int
) -> None:
    """And no larger. RFC 9112 §2.2: line breaks may come before a request; they count."""
    connection, socket = connect()
    connection.data_received(allowed)
    assert socket.end == ""
    connection.data_received(sent)
    assert (socket.status, socket.end) == (status, "eof")


async def test_the_bounds_are_those_of_one_request(connect: "Connect", turns: "Turns") -> None:
    """However many the connection has seen."""
    connection, socket = connect()
    for _ in range(4):
        connection.data_received(
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * (protocol.MAX_HEAD_SIZE // 2) + b"\r\n\r\n"
        )
        await turns()
    assert socket.sent.count(b"200 OK") == 4


async def test_a_body_may_be_as_large_as_its_bound(connect: "Connect") -> None:
    """With its framing, and no larger."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.data_received(b"5;".ljust(protocol.MAX_BODY_SIZE, b"a"))
    assert socket.end == ""
    connection.data_received(b"a")
    assert (socket.status, socket.end) == (413, "eof")


async def test_fields_behind_a_body_are_as_few_as_those_before_it(connect: "Connect") -> None:
    """RFC 9110 §6.5, RFC 6585 §5: nobody reads them, and in memory they are many times as large as when sent."""
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    connection.data_received(b"a: b\r\n" * protocol.MAX_FIELDS + b"a: b")
    assert socket.end == ""
    connection.data_received(b"\r\na")
    assert (socket.status, socket.end) == (431, "eof")


async def test_of_one_large_read_no_more_is_parsed_than_the_bounds_allow(connect: "Connect") -> None:
    """An event loop reads 256 KiB at once, which would be parsed while nobody else is answered."""
    connection, socket = connect()
    connection.data_received(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 40_000)
    assert socket.status == 431
    assert len(connection.headers) < 5000


async def test_nothing_is_parsed_behind_a_refusal(connect: "Connect", caplog: pytest.LogCaptureFixture) -> None:
    """Who goes on sending for as long as it may read the answer costs nothing, and fills no log."""
    connection, socket = connect()
    connection.logger = logging.getLogger("one connection")  # uvicorn's may have been silenced in this process
    connection.data_received(b"\0" * 100_000)
    connection.data_received(b"\0")
    assert (socket.status, socket.end, socket.answers) == (400, "eof", 1)
    assert len(caplog.records) == 1


async def test_an_answer_that_came_before_the_whole_body_can_be_read(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """RFC 9112 §9.6: a body without end ends the connection, and the answer is not lost with it."""
    application.reads = False
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    await turns()
    connection.data_received(b"5;".ljust(protocol.MAX_BODY_SIZE + 1, b"a"))
    assert (socket.status, socket.end, socket.answers) == (200, "eof", 1)
