"""The listener on loopback: what it takes for an answer, and what it does not (RFC 8252 §7.3, §8.3)."""

import asyncio
import contextlib
import gc
import logging
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from jotary.client.errors import IssuerError
from jotary.client.native import loopback
from jotary.client.native.loopback import MAX_HEAD, LoopbackListener, StrangerError
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret

Send = Callable[..., Coroutine[Any, Any, str]]


def check(parameters: Parameters) -> Secret:
    """An answer with the right state has a code or an error."""
    if parameters.get("state") != "right":
        raise StrangerError("another state")
    if error := parameters.get("error"):
        raise IssuerError(error)
    return Secret(parameters.require("code"))


async def send(listener: LoopbackListener, text: str) -> str:
    """Send the head of a request, with `{host}` replaced by the right one, and read the answer."""
    authority = urlsplit(listener.redirect_uri).netloc
    reader, writer = await asyncio.open_connection(*authority.split(":"))
    writer.write(text.replace("{host}", authority).encode())
    answer = await reader.read()
    writer.close()
    return answer.decode()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a stranger does, nothing of it ends as a trace on the person's terminal."""
    told: list[object] = []
    monkeypatch.setattr(logging.getLogger("asyncio"), "error", lambda *said, **_: told.append(said))
    yield
    gc.collect()  # asyncio tells of an exception that nobody has looked at when its task is gone
    assert told == []


GOOD = "GET /callback?state=right&code=c HTTP/1.1\r\nHost: {host}\r\n\r\n"
STRANGERS = {
    "another path": ("GET /?state=right&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
    "a path that goes on": ("GET /callback/x?state=right&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
    "another host": ("GET /callback?state=right&code=evil HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    "a name for the host": ("GET /callback?state=right&code=evil HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
    "no host": ("GET /callback?state=right&code=evil HTTP/1.1\r\n\r\n", 421),
    "two hosts": ("GET /callback?state=right&code=evil HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n", 421),
    "another method": ("POST /callback?state=right&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 405),
    "another state": ("GET /callback?state=wrong&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "two states": ("GET /callback?state=right&state=right&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "the whole address": ("GET http://{host}/callback?state=right&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 404),
    "only the head": ("HEAD /callback?state=right&code=evil HTTP/1.1\r\nHost: {host}\r\n\r\n", 405),
    "a space before the colon": ("GET /callback?state=right&code=evil HTTP/1.1\r\nHost : {host}\r\n\r\n", 421),
    "another HTTP": ("GET /callback?state=right&code=evil HTTP/2\r\nHost: {host}\r\n\r\n", 400),
    "no UTF-8": ("GET /callback?state=right&code=%ff HTTP/1.1\r\nHost: {host}\r\n\r\n", 400),
    "too much": (f"GET /callback?state=right&code=evil{'&a=' * 64} HTTP/1.1\r\nHost: {{host}}\r\n\r\n", 400),
    "no HTTP": ("GET /callback?state=right&code=evil\r\nHost: {host}\r\n\r\n", 400),
}


@pytest.mark.parametrize(("text", "status"), STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_neither_signs_anybody_in_nor_stops_who_is_signing_in(text: str, status: int) -> None:
    """Any page and any program of this machine can send requests there; the sign-in goes on."""

    async def scene() -> str:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            refused = await send(listener, text)
            assert refused.startswith(f"HTTP/1.1 {status} ")
            assert "evil" not in refused
            assert not waiting.done()
            await send(listener, GOOD)
            return (await waiting).reveal()

    assert asyncio.run(scene()) == "c"


def test_the_person_is_told_that_the_window_may_be_closed() -> None:
    """And the page, whose address holds the code, is not kept, framed or named to others."""

    async def scene() -> str:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            page = await send(listener, GOOD)
            await waiting
            return page

    page = asyncio.run(scene())
    assert page.startswith("HTTP/1.1 200 ")
    head, _, body = page.partition("\r\n\r\n")
    assert "You can close this window and go back" in body
    assert head.split("\r\n")[1:] == [
        "Content-Type: text/html; charset=utf-8",
        "Cache-Control: no-store",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
        f"Content-Length: {len(body)}",
    ]


def test_what_the_issuer_refused_ends_the_sign_in() -> None:
    """RFC 6749 §4.1.2.1: with the right state, the error is the issuer's."""

    async def scene() -> None:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            page = await send(listener, GOOD.replace("code=c", "error=access_denied"))
            assert page.startswith("HTTP/1.1 400 ")
            assert "You were not signed in" in page
            await waiting

    with pytest.raises(IssuerError, match="access_denied"):
        asyncio.run(scene())


def test_only_the_first_answer_counts() -> None:
    """A code is good once; what comes after it is no part of the sign-in."""

    async def scene() -> tuple[str, str]:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            await send(listener, GOOD)
            code = (await waiting).reveal()
            return code, await send(listener, GOOD.replace("code=c", "code=second"))

    code, second = asyncio.run(scene())
    assert (code, second.startswith("HTTP/1.1 409 ")) == ("c", True)


def test_an_answer_counts_where_nobody_waits_for_the_page() -> None:
    """Its window was closed in that moment: the code is good once, so no second one would come."""

    async def scene() -> str:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            authority = urlsplit(listener.redirect_uri).netloc
            host, _, port = authority.partition(":")
            with socket.create_connection((host, int(port))) as browser:
                browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # end by a reset
                browser.sendall(GOOD.replace("{host}", authority).encode())
            async with asyncio.timeout(20):
                return (await waiting).reveal()

    assert asyncio.run(scene()) == "c"


@pytest.mark.parametrize("rest", ["code=c", "error=access_denied"])
def test_of_two_answers_at_once_one_counts(rest: str) -> None:
    """The person clicked twice, or the browser asked twice."""

    async def scene() -> list[str]:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            pages = await asyncio.gather(*(send(listener, GOOD.replace("code=c", rest)) for _ in range(5)))
            with contextlib.suppress(IssuerError):
                assert (await waiting).reveal() == "c"
            return pages

    assert any("409" not in page for page in asyncio.run(scene()))


def test_who_comes_before_anybody_was_sent_away_is_a_stranger() -> None:
    """The address is not known to anybody yet."""

    async def scene() -> str:
        async with LoopbackListener() as listener:
            assert (await send(listener, GOOD)).startswith("HTTP/1.1 409 ")
            waiting = asyncio.ensure_future(listener.answer(check))
            await asyncio.sleep(0)
            await send(listener, GOOD)
            return (await waiting).reveal()

    assert asyncio.run(scene()) == "c"


def test_it_listens_at_one_address_of_this_machine_only() -> None:
    """RFC 8252 §8.3: and at none that a network reaches."""

    async def scene() -> list[str]:
        async with LoopbackListener() as listener:
            assert listener._server is not None
            return [socket.getsockname()[0] for socket in listener._server.sockets]

    assert asyncio.run(scene()) == ["127.0.0.1"]


@pytest.mark.parametrize("head", ["", "GET /callback?sta"])
@pytest.mark.parametrize("is_closed", [False, True])
def test_who_says_nothing_more_is_hung_up_on(head: str, monkeypatch: pytest.MonkeyPatch, *, is_closed: bool) -> None:
    """After a while, or at once where the other side has closed."""
    monkeypatch.setattr(loopback, "HEAD_TIMEOUT", 3600.0 if is_closed else 0.05)

    async def scene() -> bytes:
        async with LoopbackListener() as listener:
            reader, writer = await asyncio.open_connection(*urlsplit(listener.redirect_uri).netloc.split(":"))
            writer.write(head.encode())
            if is_closed:
                writer.write_eof()
            async with asyncio.timeout(30):
                said = await reader.read()
            writer.close()
            assert not listener._writers
            return said

    assert asyncio.run(scene()) == b""


def test_a_head_without_an_end_is_not_read_for_ever() -> None:
    """A limit of bytes; and one that says nothing does not keep others from answering."""

    async def scene() -> str:
        async with LoopbackListener() as listener:
            waiting = asyncio.ensure_future(listener.answer(check))
            _, silent = await asyncio.open_connection(*urlsplit(listener.redirect_uri).netloc.split(":"))
            assert await send(listener, "GET /" + "a" * (2 * MAX_HEAD) + "\r\n\r\n") == ""
            await send(listener, GOOD)
            silent.close()
            return (await waiting).reveal()

    assert asyncio.run(scene()) == "c"


def test_when_the_sign_in_is_over_nobody_listens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8252 §8.3: the port is open for as long as it is needed; and who said nothing is hung up on."""
    monkeypatch.setattr(loopback, "HEAD_TIMEOUT", 3600.0)

    async def scene() -> None:
        async with LoopbackListener() as listener:
            address = urlsplit(listener.redirect_uri).netloc.split(":")
            reader, silent = await asyncio.open_connection(*address)
            await send(listener, GOOD)  # the silent one was taken before
        async with asyncio.timeout(30):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        silent.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    asyncio.run(scene())
