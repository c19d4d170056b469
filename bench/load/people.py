"""People at the sign-in form, and clients beside them whose answers are timed."""

import asyncio
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import uvloop

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_COOKIE = re.compile(r"set-cookie: (__Host-jotary-form=[^;]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Seen:
    """What came of a burst.

    Attributes:
        seconds: that it took.
        statuses: of the sign-ins, with how many there were of each.
        refusals: seconds until each 503.
        waits: by name, seconds until each answer to the clients beside.
    """

    seconds: float
    statuses: Mapping[int, int]
    refusals: list[float]
    waits: Mapping[str, list[float]]


@dataclass
class _Tally:
    statuses: dict[int, int] = field(default_factory=dict)
    refusals: list[float] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)


class Connection:
    """One kept connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body of the answer."""
        if not hasattr(self, "_reader"):
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await self._reader.readexactly(int(length[1]) if length else 0)
        return int(head[9:12]), head, body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Form:
    """The sign-in form as one browser got it: good for any number of attempts while nobody signs in there."""

    def __init__(self, port: int) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            _, head, body = runner.run(self._get(port))
        token, cookie = _TOKEN.search(body.decode()), _COOKIE.search(head.decode())
        if token is None or cookie is None:
            raise RuntimeError("there is no form")
        self._token, self._cookie = token[1], cookie[1]

    @staticmethod
    async def _get(port: int) -> tuple[int, bytes, bytes]:
        connection = Connection(port)
        answer = await connection.ask(b"GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        connection.close()
        return answer

    def filled(self, username: str, password: str, **headers: str) -> bytes:
        """The request that sends it."""
        fields = {"csrf_token": self._token, "return_to": "/", "username": username, "password": password}
        body = urlencode(fields)
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        return (
            f"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self._cookie}\r\n{more}"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def token_request(client_id: str, secret: str, **headers: str) -> bytes:
    """Client credentials, with client_secret_basic (RFC 6749 §4.4.2)."""
    basic, body = b64encode(f"{client_id}:{secret}".encode()).decode(), "grant_type=client_credentials"
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n{more}"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def burst(port: int, people: list[bytes], beside: Mapping[str, bytes], seconds: float) -> Seen:
    """All people sign in at once and again; who is sent away comes back when told. Beside them, clients ask in turn."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_burst(port, people, beside, seconds))


async def _burst(port: int, people: list[bytes], beside: Mapping[str, bytes], seconds: float) -> Seen:
    tally, begun = _Tally(), time.perf_counter()
    end = begun + seconds
    await asyncio.gather(
        *(_person(port, request, tally, end) for request in people),
        *(_client(port, request, tally.waits.setdefault(name, []), end) for name, request in beside.items()),
    )
    return Seen(time.perf_counter() - begun, tally.statuses, tally.refusals, tally.waits)


async def _person(port: int, request: bytes, tally: _Tally, end: float) -> None:
    connection = Connection(port)
    while (asked := time.perf_counter()) < end:
        status, head, _ = await connection.ask(request)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        if status == 503:
            tally.refusals.append(time.perf_counter() - asked)
            later = _RETRY_AFTER.search(head)
            await asyncio.sleep(min(float(later[1]) if later else 1, max(0, end - time.perf_counter())))
    connection.close()


async def _client(port: int, request: bytes, waits: list[float], end: float) -> None:
    connection = Connection(port)
    while (asked := time.perf_counter()) < end:
        status, _, _ = await connection.ask(request)
        if status != 200:
            raise RuntimeError(f"{status} instead of 200")
        waits.append(time.perf_counter() - asked)
        await asyncio.sleep(0.002)
    connection.close()
