"""`/revocations`: the signed feed of cut-offs, by long-poll or as server-sent events (design §6.3)."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jotary.oauth.parameters import Parameters, parse_form
from jotary.server.flows.revocation_feed import RevocationFeed, SignedAnswer, read_position, read_wait
from jotary.server.ports import Abandoned, Unavailable
from jotary.server.web.headers import NO_STORE

_EVENTS = "text/event-stream"


class FeedEndpoint:
    """Public, as the keys are: it says which session ids, persons' ids, clients and tokens are no longer good."""

    def __init__(self, feed: RevocationFeed) -> None:
        self._feed = feed

    async def get(self, request: Request) -> Response:
        """`after` is the position that is known, `wait` the seconds to wait for news; events if they are asked for."""
        parameters = parse_form(request.scope["query_string"])
        after = _after(request, parameters)
        if _EVENTS in request.headers.get("accept", ""):
            stream = self._feed.stream(after=after)
            first = await anext(stream)  # before anything is sent, so that a failure is a status
            return StreamingResponse(_events(first, stream), media_type=_EVENTS, headers=NO_STORE)
        wait = read_wait(parameters.get("wait"))
        answer = await _until_hung_up(request, self._feed.answer(after=after, wait=wait))
        return Response(answer.token, media_type="application/jwt", headers=NO_STORE)


async def _until_hung_up(request: Request, answer: Coroutine[Any, Any, SignedAnswer]) -> SignedAnswer:
    """The answer; it waits no longer than its follower, whose place in the feed is somebody else's then.

    Raises:
        Abandoned: the follower has hung up.
    """
    answering, leaving = asyncio.create_task(answer), asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise Abandoned
        return answering.result()
    finally:
        answering.cancel()
        leaving.cancel()


async def _hung_up(request: Request) -> None:
    """Return when nobody waits any more (ASGI, "Disconnect - receive event"); a body has nothing to say here."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _events(first: SignedAnswer, stream: AsyncIterator[SignedAnswer]) -> AsyncIterator[str]:
    """One event for each answer: one without entries tells that none were missed."""
    yield _event(first)
    # A failure ends the stream: the follower connects again, and then gets the status.
    with suppress(Unavailable):
        async for answer in stream:
            yield _event(answer)


def _event(answer: SignedAnswer) -> str:
    return f"id: {answer.position}\ndata: {answer.token}\n\n"


def _after(request: Request, parameters: Parameters) -> int:
    """Where the follower stands; one that connects again says so in the header (HTML §9.2.4)."""
    return read_position(parameters.get("after") or request.headers.get("last-event-id"))
