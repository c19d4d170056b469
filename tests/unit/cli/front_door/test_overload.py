"""Who makes room, and who is told to come again."""

from typing import TYPE_CHECKING

import pytest

from jotary.cli.front_door.watch import IDLE

if TYPE_CHECKING:
    from tests.unit.cli.front_door.conftest import Application, Connect, Sweep, Turns

pytestmark = pytest.mark.anyio

_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_whoever_has_been_waited_for_longest_makes_room(
    limit: int, connect: "Connect", application: "Application", turns: "Turns", sweep: "Sweep"
) -> None:
    """Idle connections shut nobody out; one whose request is being answered is left alone."""
    application.may_answer.clear()
    busy, busy_socket = connect()
    busy.data_received(_GET)
    await turns()
    others = [connect() for _ in range(limit - 1)]
    sweep(IDLE)
    newcomer, socket = connect()
    assert [other.end for _, other in others] == ["abort", ""]
    newcomer.data_received(_GET)
    application.may_answer.set()
    await turns()
    assert (busy_socket.status, socket.status) == (200, 200)


async def test_a_connection_in_use_makes_room_at_twice_the_limit_alone(
    limit: int, connect: "Connect", application: "Application", turns: "Turns", sweep: "Sweep"
) -> None:
    """Between two requests it is not idle: cut off then, its client could not tell what became of the next one."""
    used, socket = connect()
    used.data_received(_GET)
    await turns()
    sweep(IDLE - 1)
    others = [connect() for _ in range(2 * limit - 1)]
    used.data_received(_GET)
    await turns()
    assert (socket.end, application.asked) == ("", 2)
    connect()
    assert [other.end for _, other in others] == ["close"] + [""] * (2 * limit - 2)
    assert others[0][1].status == 503
    assert b"connection: close\r\n" in others[0][1].sent


async def test_who_was_answered_before_is_told_when_it_must_go(
    limit: int, connect: "Connect", turns: "Turns", sweep: "Sweep"
) -> None:
    """Its next request may be on its way: cut off, the client could not tell what became of that (RFC 9112 §9.6)."""
    used, socket = connect()
    used.data_received(_GET)
    await turns()
    for _ in range(2 * limit):
        connect()
    assert (socket.answers, socket.end) == (2, "close")
    assert b"retry-after: 1\r\n" in socket.sent
    assert b"HTTP/1.1 503 " in socket.sent


@pytest.mark.parametrize("what", ["is sending", "does not read", "is at its end"])
async def test_who_can_be_told_nothing_is_cut_off_at_twice_the_limit(
    limit: int, connect: "Connect", application: "Application", turns: "Turns", what: str
) -> None:
    """An answer would stand in the place of another, or wait for who does not read."""
    used, socket = connect()
    if what == "is sending":
        used.data_received(b"GET / HT")
    else:
        used.data_received(
            _GET if what == "does not read" else _GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        await turns()
    if what == "does not read":
        used.pause_writing()
    told = socket.answers
    for _ in range(2 * limit):
        connect()
    assert (socket.answers, socket.end) == (told, "abort")


async def test_no_more_requests_are_under_way_than_connections_are_allowed(
    limit: int, connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """When nobody idles, who comes then is answered 503 at once, and told when to come back (RFC 9110 §15.6.4)."""
    application.may_answer.clear()
    for connection, _ in [connect() for _ in range(limit)]:
        connection.data_received(_GET)
        await turns()
    connection, socket = connect()
    connection.data_received(_GET)
    assert socket.status == 503
    assert b"retry-after: 1\r\n" in socket.sent
    assert b'"error":"temporarily_unavailable"' in socket.sent
    assert (socket.end, application.asked) == ("", limit)


async def test_more_requests_in_one_turn_than_can_be_served_soon_are_refused(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """Of what comes at once, the first get their turn, and the health of the server is told in any case."""
    doors = [connect() for _ in range(3)]
    for (each, _), request in zip(doors, (_GET, _GET, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), strict=True):
        each.data_received(request)
    await turns()
    connection, sockets = doors[-1][0], [socket for _, socket in doors]
    assert [socket.status for socket in sockets] == [200, 503, 200]
    assert application.asked == 2
    connection.data_received(_GET)
    await turns()
    assert sockets[2].sent.count(b"200 OK") == 2


@pytest.mark.parametrize(
    ("request_", "expected", "end"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html,*/*\r\n\r\n", b"<h1>Too busy just now</h1>", ""),
        (b"GET / HTTP/1.0\r\n\r\n", b"temporarily_unavailable", "close"),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"temporarily_unavailable", "close"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"temporarily_unavailable", "close"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: text/html\r\n\r\n", b"temporarily_unavailable", ""),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n", ""),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", b"temporarily_unavailable", ""),
    ],
    ids=["browser", "HTTP/1.0", "HTTP/1.0 that would stay", "last", "program", "HEAD", "form"],
)
async def test_a_refusal_suits_who_asks(
    connect: "Connect", request_: bytes, expected: bytes, end: str, turns: "Turns"
) -> None:
    """People get a page, programs JSON, HEAD no content (RFC 9110 §9.3.2); the next request is understood."""
    first, _ = connect()
    first.data_received(_GET)
    connection, socket = connect()
    connection.data_received(request_)
    assert (socket.status, socket.end) == (503, end)
    assert expected in socket.sent
    head, _, content = socket.sent.partition(b"\r\n\r\n")
    assert content == b"" or b"content-length: %d\r\n" % len(content) in head + b"\r\n"
    if request_.startswith(b"HEAD"):
        assert socket.sent.endswith(b"\r\n\r\n")
    await turns()
    if not end:
        connection.data_received(_GET)
        await turns()
        assert socket.sent.count(b"200 OK") == 1


_HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("target", [b"/health", b"/ready", b"/ready?verbose", b"/issuer/health"])
async def test_whoever_looks_after_the_server_is_answered_in_any_case(
    connect: "Connect", application: "Application", turns: "Turns", target: bytes
) -> None:
    """An orchestrator would end a server that says 503 because it has much to do."""
    (first, _), (second, socket) = connect(), connect()
    first.data_received(_GET)
    second.data_received(_HEALTH.replace(b"/health", target))
    await turns()
    assert (socket.status, application.asked) == (200, 2)


async def test_the_next_request_of_a_connection_is_refused_as_the_first_is(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """What has been answered before buys nothing."""
    (first, _), (second, socket) = connect(), connect()
    second.data_received(_GET)
    await turns()
    first.data_received(_GET)
    second.data_received(_GET)
    assert socket.sent.count(b" 503 ") == 1


async def test_a_refusal_that_ends_the_connection_is_the_last(
    connect: "Connect", application: "Application", turns: "Turns"
) -> None:
    """RFC 9112 §9.6: nothing that came with it is looked at."""
    (first, _), (second, socket) = connect(), connect()
    first.data_received(_GET)
    second.data_received(
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na=b" + _HEALTH
    )
    await turns()
    assert (socket.answers, socket.end, application.asked) == (1, "close", 1)


async def test_who_awaits_leave_to_send_a_body_is_refused_for_good(connect: "Connect") -> None:
    """RFC 9110 §10.1.1: what comes next could be the body, or the next request."""
    (first, _), (second, socket) = connect(), connect()
    first.data_received(_GET)
    second.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert (socket.status, socket.end) == (503, "")
    second.data_received(b"a=b")
    assert (socket.answers, socket.end) == (1, "close")


async def test_who_does_not_read_its_refusals_is_cut_off(connect: "Connect") -> None:
    """They would stay in memory, where each takes more than its request did on the way."""
    (first, _), (second, socket) = connect(), connect()
    first.data_received(_GET)
    second.data_received(_GET * 3)
    second.pause_writing()
    assert (socket.answers, socket.end) == (3, "")
    second.data_received(_GET * 3)
    assert (socket.answers, socket.end) == (3, "abort")


async def test_a_server_that_stops_keeps_no_connection_that_it_refuses(connect: "Connect") -> None:
    """RFC 9112 §9.6."""
    (first, _), (second, socket) = connect(), connect()
    first.data_received(_GET)
    second._is_stopping = lambda: True
    second.data_received(_GET)
    assert (socket.status, socket.end) == (503, "close")


@pytest.mark.parametrize("sent", [_GET, _GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")])
async def test_who_was_answered_makes_room_too(
    limit: int, connect: "Connect", turns: "Turns", sweep: "Sweep", sent: bytes
) -> None:
    """Idle, or not reading the last that it asked for."""
    doors = [connect() for _ in range(limit)]
    for connection, _ in doors:
        connection.data_received(sent)
        await turns()
    sweep(IDLE)
    newcomer, socket = connect()
    newcomer.data_received(_GET)
    await turns()
    assert [other.end == "abort" for _, other in doors] == [True, False, False]
    assert socket.status == 200


async def test_each_newcomer_is_made_room_for(limit: int, connect: "Connect", sweep: "Sweep") -> None:
    """Though who gave way is still counted, until the event loop has let go of it."""
    doors = [connect() for _ in range(limit)]
    sweep(IDLE)
    connect()
    connect()
    assert [socket.end for _, socket in doors] == ["abort", "abort", ""]


async def test_who_does_not_read_makes_room_until_it_reads_again(
    limit: int, connect: "Connect", application: "Application", turns: "Turns", sweep: "Sweep"
) -> None:
    """It is the client who is waited for then, as one whose body has yet to come."""
    application.may_answer.clear()
    doors = [connect() for _ in range(limit)]
    for connection, _ in doors[:-1]:
        connection.data_received(_GET)
        await turns()
    doors[-1][0].data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
    await turns()
    for door in (doors[0], doors[1], doors[-1]):
        door[0].pause_writing()
    for door in (doors[1], doors[-1]):
        door[0].resume_writing()
    sweep(IDLE)
    for _ in range(3):
        connect()
    assert [socket.end for _, socket in doors] == ["abort", "", "abort"]


async def test_who_is_idle_and_has_read_at_last_still_makes_room(
    limit: int, connect: "Connect", turns: "Turns", sweep: "Sweep"
) -> None:
    """The answer was complete, and only then read."""
    doors = [connect() for _ in range(limit)]
    doors[0][0].data_received(_GET)
    await turns()
    for connection, _ in doors:
        connection.pause_writing()
    doors[0][0].resume_writing()
    sweep(IDLE)
    for _ in range(limit):
        connect()
    assert [socket.end for _, socket in doors] == ["abort"] * limit
