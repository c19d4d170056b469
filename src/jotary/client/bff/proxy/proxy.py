"""One request through the proxy: check, take the session, pass on, pass back (RFC 10017 §6.1)."""

import logging
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from jotary.client.bff.answers import problem, with_cookies
from jotary.client.bff.keeper import Live, Over, SessionKeeper, Suspended
from jotary.client.bff.me import not_signed_in
from jotary.client.bff.proxy.body import Body, BodyTooLargeError, BodyTooSlowError
from jotary.client.bff.proxy.headers import request_headers, response_headers
from jotary.client.bff.proxy.path import BadPathError, target_url
from jotary.client.bff.settings import Route
from jotary.client.errors import UnavailableError
from jotary.client.transport import UpstreamAnswer, UpstreamTimeoutError, UpstreamTransport

#: Methods that are passed on. TRACE would send the access token back to the browser (RFC 9110 §9.3.8).
METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
#: Characters of a path and a query that are passed on: more than APIs commonly take (RFC 9110 §4.1 asks for 8,000), and
#: less than httpx2 has a URL hold.
MAX_ADDRESS_LENGTH: Final = 32_768

_log = logging.getLogger("jotary.client.bff")


class _Call(msgspec.Struct, frozen=True, eq=False):
    """A request that is ready to be sent to the API, as often as its body allows."""

    request: Request
    url: str
    body: Body


class Proxy:
    """Passes requests of a signed-in browser on to the APIs.

    Args:
        keeper: keeps sessions.
        transport: reaches the APIs.
        max_body_size: bytes of a request body.
    """

    def __init__(self, keeper: SessionKeeper, transport: UpstreamTransport, *, max_body_size: int) -> None:
        self._keeper = keeper
        self._transport = transport
        self._max_body_size = max_body_size

    async def __call__(self, request: Request, route: Route, path: str, present: dict[str, str]) -> Response:
        """The answer to a request that no other site has forged; `path` is as it was sent, percent-encoded."""
        url = _target(request, route, path)
        if isinstance(url, Response):
            return url
        outcome = await self._keeper.use(present)
        if not isinstance(outcome, Live):
            return self._without_session(outcome, present)
        is_chunked = "transfer-encoding" in request.headers  # then no length counts (RFC 9112 §6.3)
        declared = None if is_chunked else request.headers.get("content-length")
        call = _Call(request, url, Body(request.receive, declared=declared, limit=self._max_body_size))
        try:
            await call.body.prepare()
            outcome, answer = await self._answer(call, outcome)
        except (BodyTooLargeError, BodyTooSlowError, UnavailableError) as error:
            return self._with_cookies(_refusal(error), outcome, present)
        if not isinstance(outcome, Live):
            await answer.aclose()
            return self._without_session(outcome, present)
        cookies = self._keeper.set_cookies(outcome, present)
        return _PassedBack(answer, response_headers(answer.status, answer.headers, route, cookies))

    async def _answer(self, call: _Call, live: Live) -> tuple[Live | Over | Suspended, UpstreamAnswer]:
        """The API's answer; if it refuses a token that should be good, once more with a new one."""
        answer = await self._send(call, live)
        if answer.status != 401 or not call.body.is_replayable:  # noqa: PLR2004 -- unauthorized, RFC 6750 §3.1
            return live, answer
        try:
            outcome = await self._keeper.replace(live.session)
        except BaseException:  # who asked is gone, and nobody else would give the connection back
            await answer.aclose()
            raise
        if not isinstance(outcome, Live) or outcome.session.generation == live.session.generation:
            return outcome, answer
        await answer.aclose()
        return outcome, await self._send(call, outcome)

    async def _send(self, call: _Call, live: Live) -> UpstreamAnswer:
        headers = request_headers(call.request.headers.raw, live.session.tokens.access_token)
        if call.body.length is not None:
            headers.append((b"content-length", str(call.body.length).encode("ascii")))
        return await self._transport.send(call.request.method, call.url, headers, call.body.content())

    def _without_session(self, outcome: Over | Suspended, present: dict[str, str]) -> Response:
        return self._with_cookies(not_signed_in(outcome), outcome, present)

    def _with_cookies(self, response: Response, outcome: Live | Over | Suspended, present: dict[str, str]) -> Response:
        return with_cookies(response, self._keeper.set_cookies(outcome, present))


def _target(request: Request, route: Route, path: str) -> str | Response:
    """The URL at the API, or why the request is not passed on."""
    query: bytes = request.scope["query_string"]
    if request.method not in METHODS:
        return problem(405, "The proxy does not pass this method on.", headers={"Allow": ", ".join(METHODS)})
    if len(path) + len(query) > MAX_ADDRESS_LENGTH:
        return problem(414, "The address is longer than the proxy passes on.")
    try:
        return target_url(route, path, query.decode("latin-1"))
    except BadPathError:
        return problem(400, "The path is ambiguous: it has dot segments, empty segments or encoded slashes.")


class _PassedBack(StreamingResponse):
    """The API's answer as it arrives. It is closed whatever happens, so that no connection leaks."""

    def __init__(self, answer: UpstreamAnswer, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(answer.body, status_code=answer.status)
        self.raw_headers = headers
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


def _refusal(error: Exception) -> Response:
    if isinstance(error, BodyTooLargeError):
        return problem(413, "The body is larger than the proxy passes on.")
    if isinstance(error, BodyTooSlowError):
        return problem(408, "The body did not arrive in time.")
    _log.warning("a request could not be passed on: %s", error)
    if isinstance(error, UpstreamTimeoutError):
        return problem(504, "The API did not answer in time.")
    return problem(502, "The API cannot be reached.")
