"""Connections that send nothing, or a byte now and then, and heads without end: everybody else is served meanwhile.

RFC 6585 §5 for the heads; docs/decisions/0013 for who makes room.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from faults.client import Connection, UnansweredError, get
from faults.fault import Control, Effort, Figure, Report
from faults.scene import Scene, folder
from faults.spawner import Spawner
from jotary.server.flows import endpoints

NAME: Final = "slow-connections"
_UNSERVED: Final = "requests of others that were not answered 200"
_UNREFUSED: Final = "heads without end that were not refused"
CONTROLS: Final[Mapping[str, Control]] = {
    "no-room": Control("idle connections make room", "faults.front_door_sabotages:no_room", _UNSERVED),
    "no-head-size": Control("the size of a head", "faults.front_door_sabotages:no_head_size", _UNREFUSED),
}

_CONNECTIONS: Final = {Effort.FULL: 1000, Effort.SHORT: 60}  # as many as the server takes
_ROUNDS: Final = {Effort.FULL: 15, Effort.SHORT: 1}  # a second each
_OTHERS: Final = 20  # requests in each round, on a new connection each
_HEAD: Final = 1_000_000  # bytes
_PATIENCE: Final = 2  # seconds
_BEGINNINGS: Final = (
    b"",
    b"GET / HTTP/1.1\r\nX: ",
    b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
)


def run(effort: Effort, control: Control | None = None) -> Report:
    """Hold every connection that there may be, again and again, and ask beside them."""
    count, unserved, unrefused = _CONNECTIONS[effort], 0, 0
    with folder() as place, Spawner(place) as spawner:
        door = spawner.open_door()
        spawner.start(
            door,
            Scene(place, door.origin, {}).environment,
            arguments=("--limit-concurrency", str(count)),
            sabotage="" if control is None else control.sabotage,
        )
        for round_ in range(_ROUNDS[effort]):
            with _held(door.port, count, _BEGINNINGS[round_ % len(_BEGINNINGS)]) as held:
                unserved += asyncio.run(_ask_beside(door.port, held))
            unrefused += not _is_refused(door.port)
    return Report((Figure.at_most(_UNSERVED, unserved, 0), Figure.at_most(_UNREFUSED, unrefused, 0)))


@contextlib.contextmanager
def _held(port: int, count: int, beginning: bytes) -> Iterator[Sequence[socket.socket]]:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(count)]
        for connection in connections:
            _trickle(connection, beginning)
        yield connections


async def _ask_beside(port: int, held: Sequence[socket.socket]) -> int:
    unserved = 0
    for number in range(_OTHERS):
        unserved += not await _is_served(port)
        for connection in held[number::_OTHERS]:
            _trickle(connection, b"a")
        await asyncio.sleep(1 / _OTHERS)
    return unserved


async def _is_served(port: int) -> bool:
    connection = Connection(port)
    try:
        return (await connection.ask(get(endpoints.JWKS))).status == 200
    except UnansweredError:
        return False
    finally:
        connection.close()


def _trickle(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # it had to make room
        connection.send(data)


def _is_refused(port: int) -> bool:
    """Whether a head is answered that has not ended."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * _HEAD)
        return connection.recv(12) == b"HTTP/1.1 431"
    return False
