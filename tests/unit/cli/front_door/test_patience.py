"""How long a client is waited for."""

from typing import TYPE_CHECKING

import pytest

from jotary.cli.front_door import protocol

if TYPE_CHECKING:
    from tests.unit.cli.front_door.conftest import Application, Connect, Sweep, Turns

pytestmark = pytest.mark.anyio

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
_CLOSE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


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
    connect: "Connect", sweep: "Sweep", sent: bytes, patience: int, status: int, turns: "Turns"
) -> None:
    """A slow client does not hold its connection; it is told, if it was in the middle of a request."""
    connection, socket = connect()
    if sent:
        connection.data_received(sent)
    await turns()
    sweep(patience)
    assert socket.end == ""
    sweep(1)
    await turns()
    assert socket.end == ("eof" if status == 408 else "close")
    assert socket.status == status


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", 0), (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na", 408)],
    ids=["nothing", "body"],
)
async def test_a_server_that_stops_waits_for_no_client_for_long(
    connect: "Connect", sweep: "Sweep", sent: bytes, status: int, turns: "Turns"
) -> None:
    """It would be ended in the middle of what it does, and answer 500 to everybody whom it waits for."""
    connection, socket = connect()
    connection._is_stopping = lambda: True
    if sent:
        connection.data_received(sent)
    await turns()
    sweep(protocol.STOP_PATIENCE)
    assert socket.end == ""
    sweep(1)
    assert (socket.status, socket.end) == (status, "eof" if status else "close")


async def test_a_server_that_stops_cuts_off_who_does_not_read(
    connect: "Connect", application: "Application", sweep: "Sweep", turns: "Turns"
) -> None:
    """Its answer has waited for it as long as for anybody."""
    connection, socket = connect()
    connection._is_stopping = lambda: True
    application.may_end.clear()
    connection.data_received(_GET)
    await turns()
    connection.pause_writing()
    sweep(protocol.STOP_PATIENCE + 1)
    assert socket.end == "abort"


async def test_trickling_bytes_does_not_buy_time(connect: "Connect", sweep: "Sweep") -> None:
    """Slowloris: the deadline is that of the whole head."""
    connection, socket = connect()
    for byte in b"GET / HTTP/1.1\r\nX":
        connection.data_received(bytes([byte]))
        sweep(1)
    assert socket.end != ""


async def test_an_answer_that_takes_long_is_waited_for(
    connect: "Connect", application: "Application", sweep: "Sweep", turns: "Turns"
) -> None:
    """A follower of the feed has sent all it has to send."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET)
    await turns()
    sweep(100)
    assert socket.end == ""
    application.may_answer.set()
    await turns()
    assert socket.status == 200
    sweep(5)
    assert socket.end == "", "an idle connection is kept from its last answer on"
    sweep(1)
    assert socket.end == "close"


async def test_a_client_that_does_not_read_is_cut_off(
    connect: "Connect", application: "Application", sweep: "Sweep", turns: "Turns"
) -> None:
    """Its answers would stay in memory."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET)
    await turns()
    sweep(15)
    connection.pause_writing()
    sweep(protocol.READ_PATIENCE)
    assert socket.end == ""
    sweep(1)
    assert socket.end == "abort"


async def test_who_was_refused_while_sending_may_read_the_answer_first(connect: "Connect", sweep: "Sweep") -> None:
    """RFC 9112 §9.6: closed at once, the connection would be reset, and the answer lost."""
    connection, socket = connect()
    connection.data_received(b"GET /" + b"a" * 2 * protocol.MAX_HEAD_SIZE)
    assert socket.end == "eof"
    sweep(protocol.LINGER)
    assert socket.end == "eof"
    sweep(1)
    assert socket.end == "abort"


async def test_an_answer_behind_which_the_connection_closes_is_waited_for_as_long(
    connect: "Connect", sweep: "Sweep", turns: "Turns"
) -> None:
    """It is closed when all was read: whoever does not read would hold it open."""
    connection, socket = connect()
    connection.data_received(_CLOSE)
    await turns()
    sweep(protocol.READ_PATIENCE)
    assert socket.end == "close"
    sweep(1)
    assert socket.end == "abort"


async def test_the_first_byte_begins_the_time_of_a_request(connect: "Connect", sweep: "Sweep", turns: "Turns") -> None:
    """Its head gets as long as that of the first request, and its body as long again."""
    connection, socket = connect()
    connection.data_received(_GET)
    await turns()
    sweep(4)
    connection.data_received(b"POST / HT")
    sweep(protocol.HEAD_PATIENCE)
    assert socket.end == ""
    connection.data_received(b"TP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
    sweep(protocol.BODY_PATIENCE)
    assert socket.end == ""
    connection.data_received(b"hi")
    await turns()
    connection.data_received(b"GET / HT")
    sweep(protocol.HEAD_PATIENCE + 1)
    assert (socket.sent.count(b"200 OK"), socket.sent.count(b" 408 "), socket.end) == (2, 1, "eof")


async def test_a_body_that_the_application_does_not_take_is_not_the_clients_fault(
    connect: "Connect", application: "Application", sweep: "Sweep", turns: "Turns"
) -> None:
    """It is held back, and waits for us."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000)
    await turns()
    assert not socket.is_read
    sweep(protocol.BODY_PATIENCE + 1)
    assert socket.end == ""


async def test_the_last_words_of_a_client_that_is_held_back_are_read(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """RFC 9112 §9.6: closed with bytes unread, the connection would be reset, and the answer lost."""
    application.reads = False
    application.may_answer.clear()
    connection, socket = connect()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n"
    connection.data_received(head + b"a" * 100_000)
    await turns()
    assert not socket.is_read
    application.may_answer.set()
    await turns()
    assert (socket.status, socket.end, socket.is_read) == (200, "eof", True)


async def test_a_connection_without_halves_is_closed_behind_a_refusal(connect: "Connect") -> None:
    """TLS cannot end one side alone."""
    connection, socket = connect()
    socket.has_halves = False
    connection.data_received(b"GET / HTTP/1.1\r\nA B: c\r\n")
    assert (socket.status, socket.end) == (400, "close")


async def test_closing_twice_does_not_buy_time(
    connect: "Connect", application: "Application", sweep: "Sweep", turns: "Turns"
) -> None:
    """The application ends a connection that a refusal has ended already, and which lingers."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    await turns()
    sweep(9)
    connection.data_received(b"-3\r\n")
    sweep(protocol.LINGER)
    assert socket.end == "eof"
    connection.transport.close()
    sweep(1)
    assert socket.end == "abort"


async def test_an_answer_goes_on_when_its_client_reads_again(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """asyncio: flow control."""
    application.may_answer.clear()
    connection, socket = connect()
    connection.data_received(_GET)
    await turns()
    connection.pause_writing()
    application.may_answer.set()
    await turns()
    assert socket.sent == b""
    connection.resume_writing()
    await turns()
    assert socket.status == 200
