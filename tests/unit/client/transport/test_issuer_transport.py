"""Calls to the issuer over a real network."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import httpx2
import pytest

from jotary.client import transport
from jotary.client.bff.memory import RETRY_WINDOW
from jotary.client.errors import ProtocolError, UnavailableError
from jotary.client.transport import (
    MAX_ANSWER_SIZE,
    Form,
    IssuerTransport,
    check_url,
)
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret

if TYPE_CHECKING:
    from tests.unit.client.transport.conftest import Server

Serving: TypeAlias = Callable[..., AbstractAsyncContextManager["Server"]]

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

BROKEN = [
    None,
    b"SSH-2.0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]


@asynccontextmanager
async def calling() -> AsyncIterator[IssuerTransport]:
    """Calls to an issuer without waiting between attempts."""
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    calls = IssuerTransport(sleep=sleep)
    yield calls
    await calls.aclose()
    assert delays == list(transport.RETRY_DELAYS)[: len(delays)]


def form() -> Form:
    """A form with a secret beside it."""
    return Form(Parameters([("a", "1"), ("b", "x y")]), Secret("Basic eDp5"))


async def test_a_form_is_sent_as_forms_are(serving: Serving) -> None:
    """RFC 6749 §3.2: urlencoded, with the Authorization header; uncompressed answers only."""
    async with serving(OK) as server, calling() as calls:
        answer = await calls.post(f"{server.url}/token", form, repeatable=False)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == b"a=1&b=x+y"
    assert head.startswith(b"POST /token HTTP/1.1\r\n")
    for line in (b"authorization: basic edp5", b"accept-encoding: identity", b"accept: application/json"):
        assert line in head.lower()
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b"{}")
    assert "{}" not in repr(answer)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(serving: Serving, status: int) -> None:
    """A secret would go along to wherever it points."""
    redirect = f"HTTP/1.1 {status} x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
    async with serving(redirect, OK) as server, calling() as calls:
        answer = await calls.post(f"{server.url}/token", form, repeatable=True)
    assert answer.status == status
    assert len(server.requests) == 1


async def test_cookies_are_not_remembered(serving: Serving) -> None:
    """All people's requests go through one client; a cookie would tie one's to another's."""
    cookie = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n"
    async with serving(cookie, cookie) as server, calling() as calls:
        await calls.get(server.url)
        await calls.get(server.url)
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_an_endless_answer_is_cut_off(serving: Serving, framing: str) -> None:
    """Read as it comes, and given up at the limit, however it is framed."""
    body = b"x" * (MAX_ANSWER_SIZE + 1)
    head = {
        "length": b"Content-Length: 99999999\r\n\r\n",
        "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body),
        "close": b"Connection: close\r\n\r\n",
    }[framing]
    async with serving(b"HTTP/1.1 200 OK\r\n" + head + body) as server, calling() as calls:
        with pytest.raises(ProtocolError, match="longer than"):
            await calls.get(server.url)


async def test_an_answer_of_the_greatest_length_is_read(serving: Serving) -> None:
    """The bound itself is allowed."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_ANSWER_SIZE
    async with serving(head + b"x" * MAX_ANSWER_SIZE) as server, calling() as calls:
        assert len((await calls.get(server.url)).body) == MAX_ANSWER_SIZE


async def test_a_compressed_answer_is_refused(serving: Serving) -> None:
    """A kilobyte that unpacks to a gigabyte."""
    bomb = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
    async with serving(bomb) as server, calling() as calls:
        with pytest.raises(ProtocolError, match="compressed"):
            await calls.get(server.url)


@pytest.mark.parametrize("broken", BROKEN)
async def test_what_breaks_off_is_tried_again_if_it_may(serving: Serving, broken: bytes | None) -> None:
    """Design §6.1: a refresh is sent up to three times; the issuer's window makes that safe."""
    async with serving(broken, None, OK, hangs_up_after=broken) as server, calling() as calls:
        answer = await calls.post(server.url, form, repeatable=True)
        assert answer.status == 200
        assert len(server.requests) == 3


async def test_an_issuer_in_trouble_is_left_alone_for_a_moment(serving: Serving) -> None:
    """Longer each time; and all attempts together end within the issuer's retry window (design §6.1)."""
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    calls = IssuerTransport(sleep=sleep)
    async with serving(None, None, OK) as server:
        await calls.post(server.url, form, repeatable=True)
    await calls.aclose()
    assert delays == sorted(set(transport.RETRY_DELAYS))
    assert sum(delays) + (len(delays) + 1) * transport.ISSUER_TIMEOUT < RETRY_WINDOW


async def test_what_breaks_off_is_not_tried_again_if_it_must_not(serving: Serving) -> None:
    """RFC 6749 §4.1.2: a code that may have been used is not used again."""
    async with serving(None, OK) as server, calling() as calls:
        with pytest.raises(UnavailableError):
            await calls.post(server.url, form, repeatable=False)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_an_overloaded_issuer_is_tried_again(serving: Serving, status: int) -> None:
    """Twice; then it is unavailable."""
    busy = f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode()
    async with serving(busy, busy, busy) as server, calling() as calls:
        with pytest.raises(UnavailableError, match=str(status)) as caught:
            await calls.post(f"{server.url}/?hint=secret", form, repeatable=True)
        assert len(server.requests) == 3
    assert "secret" not in str(caught.value)


async def test_the_limits_on_connections_are_kept(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here: none is kept for later, so that the second call cannot be sent on the first one's."""
    monkeypatch.setattr(transport, "_LIMITS", httpx2.Limits(max_keepalive_connections=0))
    async with serving(OK, OK) as server, calling() as calls:
        for _ in range(2):
            await calls.get(server.url)
        assert server.connections == 2


async def test_nobody_listens(serving: Serving) -> None:
    """A refused connection."""
    async with serving() as server:
        url = server.url
    async with calling() as calls:
        with pytest.raises(UnavailableError) as caught:
            await calls.get(f"{url}/?hint=secret")
    assert "secret" not in str(caught.value)


async def test_silence_is_given_up(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is an answer that drips: the limit is for the whole call."""
    monkeypatch.setattr(transport, "ISSUER_TIMEOUT", 0.1)
    async with serving(30.0) as server, calling() as calls:
        with pytest.raises(UnavailableError, match="did not answer"):
            await calls.get(server.url)


async def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps every other time limit from striking; this one is for the whole call."""
    monkeypatch.setattr(transport, "ISSUER_TIMEOUT", 0.5)
    has_hung_up = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
            gone = asyncio.ensure_future(reader.read())
            while not (await asyncio.wait([gone], timeout=0.02))[0]:
                writer.write(b" ")
            await gone
        writer.close()
        has_hung_up.set()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as listening, calling() as calls:
        with pytest.raises(UnavailableError, match="TimeoutError"):
            await calls.get(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/")
        await has_hung_up.wait()


async def test_the_form_is_made_for_each_attempt(serving: Serving) -> None:
    """RFC 7523 §3: an assertion in it is good for one request."""
    made: list[int] = []

    def numbered() -> Form:
        made.append(len(made))
        return Form(Parameters([("jti", str(len(made)))]))

    async with serving(None, None, OK) as server, calling() as calls:
        await calls.post(server.url, numbered, repeatable=True)
    assert [request.rpartition(b"=")[2] for request in server.requests] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/token",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://10.0.0.1/",
        "ftp://id.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://user:pw@id.example/",
        "https:///token",
        "https://id.example:x/",
        "https://[::1/",
        "//id.example/",
        "",
    ],
)
async def test_secrets_travel_encrypted_or_not_at_all(url: str) -> None:
    """RFC 6749 §3.2, RFC 8252 §8.3: https, or http to this machine itself."""
    with pytest.raises(ProtocolError):
        check_url(url)
    async with calling() as calls:
        with pytest.raises(ProtocolError):
            await calls.get(url)


@pytest.mark.parametrize("start", ["ftp://id.example/", "https:///", "https://id.example/\x00"])
async def test_an_address_that_is_refused_is_told_in_short(start: str) -> None:
    """A document of the issuer named it: it fills no log, and what httpx2 does not take is no other exception."""
    async with calling() as calls:
        with pytest.raises(ProtocolError) as caught:
            await calls.get(start + "a" * 9_999)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("url", ["https://id.example/", "http://127.0.0.1:8000", "http://[::1]:1/", "http://localhost"])
def test_https_and_loopback_are_good(url: str) -> None:
    """As it stands."""
    assert check_url(url) == url


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    self_signed: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """RFC 9110 §4.3.4: TLS means to know whom one talks to; and the application may vouch itself."""
    server, trusting = self_signed

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        async with calling() as calls:
            with pytest.raises(UnavailableError, match="ConnectError"):
                await calls.get(url)
        calls = IssuerTransport(tls=trusting)
        assert (await calls.get(url)).status == 200
        await calls.aclose()
