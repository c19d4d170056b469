"""How the feed of cut-offs is asked for and streamed (HTML §9.2, server-sent events)."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from jotary.server.flows.revocation_feed import RevocationFeed, SignedAnswer
from jotary.server.ports import Unavailable
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
