"""One path: its methods, its limits, and what becomes of every failure. Nothing raised below gets past this."""

from collections.abc import Awaitable, Callable, Mapping
from itertools import chain
from typing import Final, Protocol

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jotary.oauth.errors import OAuthError, server_error, temporarily_unavailable
from jotary.server.model.request_notes import REFUSAL, ROUTE, STATUS
from jotary.server.ports import Abandoned, Clock, Entropy, Unavailable
from jotary.server.web.body import too_large
from jotary.server.web.refusals import note_refusal
from jotary.server.web.repetition import Repetition

Handler = Callable[[Request], Awaitable[Response]]

#: Bytes of a query string: an authorization request that is carried along percent-encoded once more.
MAX_QUERY_SIZE: Final = 24_576
#: Bytes of all header names and values.
MAX_HEADER_SIZE: Final = 32_768

log = structlog.get_logger("jotary.web")


class Face(Protocol):
    """How an endpoint speaks to its readers: JSON to programs, pages to people."""

    def refusal(self, error: OAuthError, reference: str | None) -> Response:
        """The answer to a request that is refused or failed; `reference` finds the failure in the log."""


class Endpoint:
    """An ASGI application for one path.

    Args:
        handlers: by method. HEAD is answered only where it is named: on some paths a GET has effects.
        face: how refusals look.
        entropy: for the reference of a failure.
        clock: Unix seconds, in each of which the same is logged once.
    """

    def __init__(self, handlers: Mapping[str, Handler], *, face: Face, entropy: Entropy, clock: Clock) -> None:
        self._handlers = handlers
        self._face = face
        self._entropy = entropy
        self._unavailable = Repetition(clock)
        self._allow = ", ".join(sorted(handlers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
        except (Abandoned, ClientDisconnect):
            return  # nobody is left to answer
        if scope["method"] == "HEAD":
            response.body = b""  # the length stays in the header (RFC 9110 §9.3.2)
        scope[STATUS] = response.status_code
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            self._check_limits(request.scope)
            return await self._handler(request.method)(request)
        except OAuthError as error:
            note_refusal(request.scope, error)
            return self._face.refusal(error, None)
        except Unavailable as unavailable:
            self._log_unavailable(request.scope, unavailable)
            refusal = temporarily_unavailable(retry_after=unavailable.retry_after)
            request.scope[REFUSAL] = refusal
            return self._face.refusal(refusal, None)
        except (Abandoned, ClientDisconnect):
            raise
        except Exception:  # the last resort: logged in full, without detail to the client
            reference = self._entropy(8).hex()
            log.exception("request_failed", path=request.scope.get(ROUTE), method=request.method, reference=reference)
            request.scope[REFUSAL] = failure = server_error()
            return self._face.refusal(failure, reference)

    def _log_unavailable(self, scope: Scope, unavailable: Unavailable) -> None:
        """Not each time: the disk that the log is on may be what is full."""
        left_out = self._unavailable.left_out(str(unavailable))
        if left_out is None:
            return
        known = {"hint": unavailable.hint, "left_out": left_out or None}
        further = {name: value for name, value in known.items() if value is not None}
        log.warning("unavailable", path=scope.get(ROUTE), what=str(unavailable), **further)

    def _handler(self, method: str) -> Handler:
        handler = self._handlers.get(method)
        if handler is None:
            raise OAuthError(
                "invalid_request", "The method is not allowed here.", status=405, headers={"Allow": self._allow}
            )
        return handler

    @staticmethod
    def _check_limits(scope: Scope) -> None:
        if len(scope["query_string"]) > MAX_QUERY_SIZE:
            raise too_large("query", status=414)
        if sum(map(len, chain.from_iterable(scope["headers"]))) > MAX_HEADER_SIZE:
            raise too_large("header", status=431)
