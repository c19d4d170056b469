"""How the feed of cut-offs is asked for and streamed (HTML §9.2, server-sent events)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from jotary.server.flows.revocation_feed import RevocationFeed, SignedAnswer
from jotary.server.ports import Abandoned, Unavailable
from jotary.server.web.feed import FeedEndpoint

pytestmark = pytest.mark.anyio


class BreakingFeed:
    """A feed whose database is gone after the first answer."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def stream(self, *, after: int) -> AsyncIterator[SignedAnswer]:
        """One answer, and no more."""
        self.asked.append(after)
        yield SignedAnswer("signed", after + 1)
        raise Unavailable("the database is gone")


async def events(feed: BreakingFeed, query: bytes = b"", **headers: str) -> list[str]:
    """What a follower reads."""
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "query_string": query, "headers": sent}
    endpoint = FeedEndpoint(cast("RevocationFeed", feed))
    response = await endpoint.get(Request(scope))
    assert isinstance(response, StreamingResponse)
    return [str(event) async for event in response.body_iterator]


async def test_a_stream_that_fails_ends_and_breaks_nothing() -> None:
    """The status is out already: the follower connects again, and is told then."""
    assert await events(BreakingFeed(), accept="text/event-stream") == ["id: 1\ndata: signed\n\n"]


@pytest.mark.parametrize(
    ("query", "header", "position"), [(b"", "7", 7), (b"after=3", "7", 3), (b"after=3", None, 3), (b"", None, 0)]
)
async def test_a_follower_that_connects_again_goes_on_where_it_was(
    query: bytes, header: str | None, position: int
) -> None:
    """HTML §9.2.4: a browser says so in `Last-Event-ID`; what the address says counts first."""
    feed = BreakingFeed()
    more = {} if header is None else {"last_event_id": header}
    await events(feed, query, accept="text/event-stream", **more)
    assert feed.asked == [position]


class WaitingFeed:
    """A feed without news."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self.has_news = asyncio.Event()
        self.has_left = asyncio.Event()

    async def answer(self, *, after: int, wait: float) -> SignedAnswer:
        """Wait for as long as it is let."""
        assert (after, wait) == (0, 25)
        self.waits.set()
        try:
            await self.has_news.wait()
        finally:
            self.has_left.set()
        return SignedAnswer("signed", 1)


def long_poll(feed: WaitingFeed, hangs_up: asyncio.Event) -> asyncio.Task[Any]:
    """A follower that waits for news, and may hang up; there is an empty body before that."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await hangs_up.wait()
        return {"type": "http.disconnect"}

    scope: dict[str, Any] = {"type": "http", "method": "GET", "query_string": b"wait=25", "headers": []}
    return asyncio.create_task(FeedEndpoint(cast("RevocationFeed", feed)).get(Request(scope, receive)))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_follower_that_hangs_up_gives_its_place_back() -> None:
    """Or whoever asks and leaves, again and again, would shut out the others without holding a connection."""
    feed, hangs_up = WaitingFeed(), asyncio.Event()
    asking = long_poll(feed, hangs_up)
    await feed.waits.wait()
    hangs_up.set()
    with pytest.raises(Abandoned):
        await asking
    await feed.has_left.wait()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_follower_that_waits_gets_the_news() -> None:
    """And nobody waits for its end any more."""
    feed = WaitingFeed()
    before = asyncio.all_tasks()
    asking = long_poll(feed, asyncio.Event())
    await feed.waits.wait()
    feed.has_news.set()
    assert (await asking).body == b"signed"
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
