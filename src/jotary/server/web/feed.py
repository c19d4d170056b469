"""`/revocations`: the signed feed of cut-offs, by long-poll or as server-sent events (design §6.3)."""

from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jotary.oauth.parameters import Parameters, parse_form
from jotary.server.flows.revocation_feed import RevocationFeed, SignedAnswer, read_position, read_wait
from jotary.server.ports import Unavailable
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
        answer = await self._feed.answer(after=after, wait=read_wait(parameters.get("wait")))
        return Response(answer.token, media_type="application/jwt", headers=NO_STORE)


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
