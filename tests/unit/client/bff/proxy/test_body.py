"""Bodies on their way to the API: of any size, too large, too slow, broken off."""

from typing import TYPE_CHECKING

import pytest
from starlette.types import Message, Receive

from jotary.client.bff.proxy import body
from jotary.client.bff.proxy.body import Body

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio


async def test_a_body_of_any_size_within_the_limit_arrives(world: "World") -> None:
    """Small ones are kept for a second attempt, large ones streamed."""
    browser = await world.signed_in()
    for size in (0, 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        assert (await browser.fetch("/api/todos", "PUT", content)).status_code == 200
        assert world.api.bodies[-1] == content
        assert world.api.requests[-1].headers["content-length"] == str(size)


@pytest.mark.parametrize("headers", [{}, {"Transfer_Encoding": "chunked"}])
async def test_a_body_beyond_the_limit_is_refused(world: "World", headers: dict[str, str]) -> None:
    """413, whether it is declared at the start or found in the middle of the stream."""
    browser = await world.signed_in()
    for limit, size in ((10, 11), (2 << 20, (2 << 20) + 1)):
        world.start(max_body_size=limit)
        answer = await browser.fetch("/api/todos", "PUT", b"x" * size, **headers)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await browser.fetch("/api/todos", "PUT", b"x" * limit, **headers)).status_code == 200
    assert [len(body) for body in world.api.bodies] == [10, 2 << 20]


async def test_a_body_that_is_declared_too_large_is_not_even_read(world: "World") -> None:
    """Nothing of it is passed on, and nothing kept."""
    browser = await world.signed_in()
    sent = await world.raw(browser, b"/api/todos", length=b"99999999999", chunks=[])
    assert sent[0]["status"] == 413


async def test_a_browser_that_goes_away_while_it_sends_is_no_error(world: "World") -> None:
    """No exception reaches the server, and no half request the API."""
    browser = await world.signed_in()
    assert await world.raw(browser, b"/api/todos", length=b"9", chunks=[b"half"]) == []
    assert await world.raw(browser, b"/api/todos", length=b"9999999", chunks=[b"h" * 1_500_000]) == []
    assert world.api.bodies == []


async def test_a_browser_that_stops_sending_is_not_waited_for(world: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and the connection to the API is not held open either."""
    monkeypatch.setattr(body, "PATIENCE", 0.01)
    browser = await world.signed_in()
    for first in (b"half", b"h" * 1_500_000):
        sent = await world.raw(browser, b"/api/todos", length=b"9999999", chunks=[first, None])
        assert sent[0]["status"] == 408
    assert world.api.bodies == []


async def test_a_large_body_is_not_sent_twice(world: "World") -> None:
    """It is not kept, so a refused token is passed back, and the next request has a new one."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refused.add(world.issuer.issued[0])
    answer = await browser.fetch("/api/todos", "PUT", b"x" * (2 << 20))
    assert answer.status_code == 401
    assert len(world.api.requests) == 1


def arriving(*chunks: bytes) -> Receive:
    """A body in so many messages, the last of which says that it is the last."""
    remaining = list(chunks)

    async def receive() -> Message:
        return {"type": "http.request", "body": remaining.pop(0), "more_body": bool(remaining)}

    return receive


@pytest.mark.parametrize("declared", ["x", "1x", "1_0", "+1", " 1", "\u0661", "", "9" * 16])
async def test_a_length_that_is_none_counts_as_not_declared(declared: str) -> None:
    """RFC 9110 §8.6: digits; what arrives is counted in any case."""
    read = Body(arriving(b"x"), declared=declared, limit=5)
    await read.prepare()
    assert read.content() == b"x"
    assert read.length is None


async def test_a_body_that_is_kept_has_the_length_that_arrived() -> None:
    """RFC 9112 §6.3: with chunks beside it, a declared length may be a lie, which the API must never see."""
    read = Body(arriving(b"four"), declared="10", limit=100)
    await read.prepare()
    assert read.is_replayable
    assert read.length is None


@pytest.mark.parametrize(("surplus", "is_kept"), [(0, True), (1, False)])
async def test_what_is_not_too_large_is_kept_for_a_second_attempt(surplus: int, *, is_kept: bool) -> None:
    """The bound itself is kept, whatever number of messages it comes in; more is streamed with its declared length."""
    size = body.REPLAYABLE_SIZE + surplus
    read = Body(arriving(b"x" * size, b""), declared=str(size), limit=2 * size)
    await read.prepare()
    assert read.is_replayable is is_kept
    assert read.length == (None if is_kept else size)


async def test_a_stream_has_no_empty_chunk_and_keeps_nothing() -> None:
    """RFC 9112 §7.1: an empty chunk would end the body. What was kept is let go as soon as it is passed on."""
    size = body.REPLAYABLE_SIZE + 1
    read = Body(arriving(b"x" * size, b"", b"y", b""), declared=None, limit=2 * size)
    await read.prepare()
    stream = read.content()
    assert not isinstance(stream, bytes)
    assert [len(chunk) async for chunk in stream] == [size, 1]
    assert not read._kept


async def test_a_message_without_a_body_is_the_end_of_an_empty_one() -> None:
    """ASGI: both `body` and `more_body` may be left out."""

    async def receive() -> Message:
        return {"type": "http.request"}

    read = Body(receive, declared=None, limit=5)
    await read.prepare()
    assert (read.is_replayable, read.content()) == (True, b"")
