"""Protect a Starlette application, or any ASGI application (RFC 6750, RFC 9728).

Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.verifier import Principal
from jotary.verifier.challenge import Refusal
from jotary.verifier.resource_server import Refused, ResourceServer

__all__ = ["JotarySecurity", "principal"]

Endpoint = Callable[[Request], Awaitable[Response] | Response]

_PRINCIPAL = "jotary.principal"  # in the ASGI scope
_POLICY_VIOLATION = 1008  # RFC 6455 §7.4.1


class JotarySecurity(ResourceServer):
    """Protects Starlette endpoints, and ASGI applications of any kind. The arguments are those of `ResourceServer`."""

    def require(self, *scopes: str) -> Callable[[Endpoint], Callable[[Request], Awaitable[Response]]]:
        """Return a decorator for endpoint functions: they run for tokens that have all of these scopes.

        The endpoint gets its caller with `principal(request)`.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        required = self.declare(scopes)

        def decorate(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
            if not isinstance(endpoint, FunctionType | MethodType | functools.partial):
                raise TypeError("require() is for endpoint functions; wrap a class or an application with protect()")

            @functools.wraps(endpoint)
            async def protected(request: Request) -> Response:
                try:
                    await self._admit(request.scope, required)
                except Refused as refused:
                    return _response(refused.refusal)
                return await _run(endpoint, request)

            return protected

        return decorate

    def protect(self, app: ASGIApp, *scopes: str) -> ASGIApp:
        """Wrap an application, a mount or an endpoint class; also `Middleware(security.protect, "scope")`.

        Everything in it is protected, also what answers OPTIONS: put CORSMiddleware outside, and `routes()` too.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        return _Protected(app, functools.partial(self._admit, required=self.declare(scopes)))

    def routes(self) -> list[Route]:
        """The route of the metadata document (RFC 9728 §3.1), for the root of the API's host.

        Empty if the resource is not a URL.
        """
        path = self.metadata_path()

        async def metadata(_: Request) -> Response:
            return JSONResponse(self.metadata(), headers=self.metadata_headers)

        return [] if path is None else [Route(path, metadata, name="oauth-protected-resource", include_in_schema=False)]

    async def _admit(self, scope: Scope, required: tuple[str, ...]) -> None:
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        scope[_PRINCIPAL] = await self.admit(authorization, scope["query_string"], required)


class _Protected:
    """An ASGI application behind a guard. Not a function, which Starlette would take for an endpoint."""

    def __init__(self, app: ASGIApp, admit: Callable[[Scope], Awaitable[None]]) -> None:
        self._app = app
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            try:
                await self._admit(scope)
            except Refused as refused:
                await _refuse(refused.refusal, scope, receive, send)
                return
        await self._app(scope, receive, send)


def principal(request: HTTPConnection) -> Principal:
    """Return who sends the request.

    Raises:
        RuntimeError: the route is not protected.
    """
    try:
        found: Principal = request.scope[_PRINCIPAL]
    except KeyError:
        raise RuntimeError("nobody checked this request: protect its route with require() or protect()") from None
    return found


async def _run(endpoint: Endpoint, request: Request) -> Response:
    """Call an endpoint as Starlette would: what may block runs in a thread."""
    if inspect.iscoroutinefunction(endpoint):
        response: Response = await endpoint(request)
    else:
        response = await run_in_threadpool(cast("Callable[[Request], Response]", endpoint), request)
    return response


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
    else:
        await _response(refusal)(scope, receive, send)


def _response(refusal: Refusal) -> Response:
    return JSONResponse(refusal.body, refusal.status, refusal.headers)
