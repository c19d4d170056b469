"""`/revocations`: the signed feed of cut-offs, by long-poll or as server-sent events (design §6.3)."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from jotary.oauth.parameters import Parameters, parse_form
from jotary.server.flows.revocation_feed import RevocationFeed, SignedAnswer, read_position, read_wait
from jotary.server.ports import Unavailable
from jotary.server.web.headers import NO_STORE
from jotary.tokens.revocation_feed import MAX_WAIT

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
            first = await self._feed.answer(after=after)  # before anything is sent, so that a failure is a status
            return StreamingResponse(self._events(first), media_type=_EVENTS, headers=NO_STORE)
        answer = await self._feed.answer(after=after, wait=read_wait(parameters.get("wait")))
        return Response(answer.token, media_type="application/jwt", headers=NO_STORE)

    async def _events(self, answer: SignedAnswer) -> AsyncIterator[str]:
        """One event for each answer, news or not: an answer without entries tells that none were missed."""
        while True:
            yield f"id: {answer.position}\ndata: {answer.token}\n\n"
            try:
                answer = await self._feed.answer(after=answer.position, wait=MAX_WAIT)
            except Unavailable:
                return  # the follower connects again, and then gets the status


def _after(request: Request, parameters: Parameters) -> int:
    """Where the follower stands; one that connects again says so in the header (HTML §9.2.4)."""
    return read_position(parameters.get("after") or request.headers.get("last-event-id"))
