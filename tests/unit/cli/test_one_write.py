"""An answer is one write to the socket."""

import asyncio

import pytest

from jotary.cli.one_write import GatheringTransport

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


class Connection(asyncio.Transport):
    """Notes what is done with it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.done: list[object] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As of every transport."""
        self.done.append(data)

    def close(self) -> None:
        """As of every transport."""
        self.done.append("close")

    def abort(self) -> None:
        """As of every transport."""
        self.done.append("abort")

    def is_closing(self) -> bool:
        """As of every transport."""
        return bool({"close", "abort"} & set(map(str, self.done)))

    def pause_reading(self) -> None:
        """As of every transport."""
        self.done.append("pause")

    def resume_reading(self) -> None:
        """As of every transport."""
        self.done.append("resume")


@pytest.fixture
async def connection(anyio_backend: str) -> Connection:
    """One connection."""
    return Connection()


@pytest.fixture
async def gathering(connection: Connection) -> GatheringTransport:
    """Around it."""
    return GatheringTransport(connection, asyncio.get_running_loop())


async def test_head_and_body_are_one_write(connection: Connection, gathering: GatheringTransport) -> None:
    """Two would be two system calls and two packets; what comes in another turn of the loop does not wait."""
    gathering.write(b"head")
    gathering.write(bytearray(b"body"))
    assert connection.done == []
    await asyncio.sleep(0)
    gathering.write(b"event")
    await asyncio.sleep(0)
    assert connection.done == [b"headbody", b"event"]


async def test_closing_sends_what_was_written(connection: Connection, gathering: GatheringTransport) -> None:
    """`Connection: close` ends the connection behind its answer, not before."""
    gathering.write(b"last")
    gathering.close()
    await asyncio.sleep(0)
    assert connection.done == [b"last", "close"]
    assert gathering.is_closing()


async def test_nothing_is_sent_to_who_has_gone(connection: Connection, gathering: GatheringTransport) -> None:
    """As a connection that was lost between the write and the end of the turn; or one that was given up."""
    gathering.write(b"unheard")
    connection.close()
    await asyncio.sleep(0)
    assert connection.done == ["close"]
    gathering.write(b"unheard")
    gathering.abort()
    await asyncio.sleep(0)
    assert connection.done == ["close", "abort"]


async def test_the_rest_is_the_connections_own(connection: Connection, gathering: GatheringTransport) -> None:
    """Uvicorn asks for the addresses, and holds back a client that sends too fast."""
    assert gathering.get_extra_info("peername") == ("127.0.0.1", 1)
    assert gathering.get_extra_info("unknown", "nothing") == "nothing"
    gathering.pause_reading()
    gathering.resume_reading()
    assert connection.done == ["pause", "resume"]
