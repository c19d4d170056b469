"""A client as real ones are: it keeps its connection, asks again when no answer came, and waits when it is told to."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

_PATIENCE = 10  # seconds without an answer after which a client takes its request for lost
_PERSISTENCE = 30  # seconds after which it gives up
_PAUSE = 0.005  # seconds between a lost answer and the next attempt
_BUSY = 503


class UnansweredError(Exception):
    """The connection was refused, or broke before the whole answer was there: nobody knows what the server did."""


@dataclass(frozen=True)
class Answer:
    """What came back; its head in lower case."""

    status: int
    body: bytes
    head: bytes

    def member(self, name: str) -> str:
        """A member of its JSON object; empty if there is none."""
        return str(msgspec.json.decode(self.body, type=dict[str, object]).get(name, ""))


class Connection:
    """One connection to one port, made when it is needed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes, *, patience: float = _PATIENCE) -> Answer:
        """Send a request and wait for its answer, for so many seconds.

        Raises:
            UnansweredError: none came.
        """
        try:
            async with asyncio.timeout(patience):
                return await self._ask(request)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            raise UnansweredError(str(error)) from error

    async def _ask(self, request: bytes) -> Answer:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, found, rest = head.partition(b"\r\ncontent-length:")
        body = await self._reader.readexactly(int(rest.partition(b"\r\n")[0]) if found else 0)
        if b"\r\nconnection: close" in head:
            self.close()
        return Answer(int(head[9:12]), body, head)

    def close(self) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Client:
    """One client of several servers that share a database.

    Args:
        ports: of the servers.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self._connections = [Connection(port) for port in ports]
        self._turn = 0
        self.unanswered = 0

    async def ask(self, request: bytes) -> Answer:
        """Ask once.

        Raises:
            UnansweredError: no answer came.
        """
        return await self._connections[self._turn].ask(request)

    async def insist(self, request: bytes) -> Answer:
        """Ask one server, and the next one with the same request, until an answer came that is no 503.

        Raises:
            TimeoutError: none came for a minute: the servers are not what they should be.
        """
        async with asyncio.timeout(_PERSISTENCE):
            return await self._insist(request)

    async def _insist(self, request: bytes) -> Answer:
        while True:
            try:
                answer = await self._connections[self._turn].ask(request)
            except UnansweredError:
                self.unanswered += 1
                self._turn = (self._turn + 1) % len(self._connections)
            else:
                if answer.status != _BUSY:
                    return answer
            await asyncio.sleep(_PAUSE)

    def turn_to(self, number: int) -> None:
        """Ask this server next."""
        self._turn = number % len(self._connections)

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()


def post(path: str, form: Mapping[str, str], *, client_id: str, client_secret: str) -> bytes:
    """A form with client_secret_basic (RFC 6749 §2.3.1), as a whole request."""
    body = urlencode(form)
    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {credentials}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
