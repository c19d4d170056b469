"""Protect a Starlette application, or any ASGI application (RFC 6750, RFC 9728).

The token is taken from the Authorization header alone: what stands in a URL ends up in logs and histories
(RFC 9700 §4.3.2). Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import FunctionType, MethodType
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.oauth.bearer import parse_bearer
from jotary.oauth.errors import OAuthError, invalid_request
from jotary.oauth.loopback import is_loopback
from jotary.oauth.scope import parse_scope
from jotary.verifier import InsufficientScope, InvalidToken, KeysUnavailable, Principal, TokenVerifier, challenge
from jotary.verifier.challenge import Refusal

WELL_KNOWN = "/.well-known/oauth-protected-resource"  # RFC 9728 §3
_PRINCIPAL = "jotary.principal"  # in the ASGI scope
_PUBLIC = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}

Endpoint = Callable[[Request], Awaitable[Response] | Response]


class Refused(HTTPException):
    """The request is not let in. Raised where an answer cannot be returned; every handler of HTTPException will do.

    Attributes:
        refusal: status, headers and body.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.body["error_description"], refusal.headers)
        self.refusal = refusal

    def response(self) -> Response:
        """Return the answer."""
        return JSONResponse(self.refusal.body, self.refusal.status, self.refusal.headers)


class Guard:
    """Lets in who brings an access token with the right scopes; what the integrations share.

    Args:
        verifier: of the tokens; who made it closes it.
        resource: this API's identifier and URL (RFC 9728 §1.2); the verifier's audience by default, if there is one.
        scopes: what can be asked for, with descriptions; those that are required somewhere are added.
        name: of the API, for people.
        documentation: URL of the API's documentation.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        *,
        resource: str | None = None,
        scopes: Mapping[str, str] | None = None,
        name: str | None = None,
        documentation: str | None = None,
    ) -> None:
        audiences = verifier.audiences
        self.verifier = verifier
        self.resource = next(iter(audiences)) if resource is None and len(audiences) == 1 else resource
        self.resource_metadata = metadata_url(self.resource) if self.resource else None
        self.scopes = dict(scopes or {})
        self._described = {"resource_name": name, "resource_documentation": documentation}

    async def admit(self, scope: Scope, required: tuple[str, ...] = ()) -> Principal:
        """Return who sends the request.

        Args:
            scope: of ASGI, type http or websocket.
            required: scopes that the token must have.

        Raises:
            Refused: 400, 401, 403 or 503.
        """
        try:
            token = bearer_token(scope)
            if token is None:
                raise Refused(
                    challenge.no_token(scope=" ".join(required) or None, resource_metadata=self.resource_metadata)
                )
            principal = await self.verifier.averify(token)
        except InvalidToken as error:
            raise Refused(challenge.invalid_token(error, resource_metadata=self.resource_metadata)) from error
        except KeysUnavailable as error:
            raise Refused(challenge.keys_unavailable(error)) from error
        except OAuthError as error:
            raise Refused(challenge.invalid_request(error, resource_metadata=self.resource_metadata)) from error
        if not principal.scopes.issuperset(required):
            refusal = challenge.insufficient_scope(
                InsufficientScope(required), resource_metadata=self.resource_metadata
            )
            raise Refused(refusal)
        scope[_PRINCIPAL] = principal
        return principal

    def declare(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Check scopes that a route requires, and add them to those that can be asked for.

        Raises:
            ValueError: one of them is no scope value (RFC 6749 §3.3).
        """
        required = tuple(scopes)
        for scope in required:
            try:
                valid = parse_scope(scope) == (scope,)
            except OAuthError:
                valid = False
            if not valid:
                raise ValueError(f"{scope!r} is no scope value: one word of printable ASCII, without quotes")
            self.scopes.setdefault(scope, "")
        return required

    def metadata(self) -> dict[str, Any]:
        """The protected resource's metadata (RFC 9728 §2)."""
        members = {
            "resource": self.resource,
            "authorization_servers": [self.verifier.issuer],
            "scopes_supported": list(self.scopes),
            "bearer_methods_supported": ["header"],
            **self._described,
        }
        return {name: value for name, value in members.items() if value}

    def metadata_response(self) -> Response:
        """Return the metadata document, for anyone to read."""
        return JSONResponse(self.metadata(), headers=_PUBLIC)

    def metadata_path(self) -> str | None:
        """Where the metadata belongs on the API's host; None if the resource is not a URL."""
        return None if self.resource_metadata is None else urlsplit(self.resource_metadata).path


class ResourceServer(Guard):
    """Protects Starlette endpoints, and ASGI applications of any kind. The arguments are those of `Guard`."""

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
                    await self.admit(request.scope, required)
                except Refused as refused:
                    return refused.response()
                return await _run(endpoint, request)

            return protected

        return decorate

    def protect(self, app: ASGIApp, *scopes: str) -> ASGIApp:
        """Wrap an application, a mount or an endpoint class; also `Middleware(server.protect, "scope")`.

        Everything in it is protected, also what answers OPTIONS: put CORSMiddleware outside, and `routes()` too.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        return _Protected(app, self, self.declare(scopes))

    def routes(self) -> list[Route]:
        """The route of the metadata document (RFC 9728 §3.1), for the root of the API's host.

        Empty if the resource is not a URL.
        """
        path = self.metadata_path()

        async def metadata(_: Request) -> Response:
            return self.metadata_response()

        return [] if path is None else [Route(path, metadata, name="oauth-protected-resource", include_in_schema=False)]


class _Protected:
    """An ASGI application behind a guard. Not a function, which Starlette would take for an endpoint."""

    def __init__(self, app: ASGIApp, guard: Guard, required: tuple[str, ...]) -> None:
        self._app = app
        self._guard = guard
        self._required = required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            try:
                await self._guard.admit(scope, self._required)
            except Refused as refused:
                await _refuse(refused, scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": refused.detail})
    else:
        await refused.response()(scope, receive, send)


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


def bearer_token(scope: Scope) -> str | None:
    """Return the token of the Authorization header; None if there is no header or it is of another scheme.

    Raises:
        OAuthError: invalid_request; the header is malformed or repeated, or a token is sent in the URL too
            (RFC 6750 §2 allows one method at a time).
    """
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        return None
    if len(values) > 1:
        raise invalid_request("The Authorization header is repeated.", hint="Send it once.")
    token = parse_bearer(values[0].decode("latin-1"))
    if token is not None and b"access_token" in scope["query_string"] and _names_token(scope["query_string"]):
        raise invalid_request("The token is sent in two ways.", hint="Send it in the Authorization header alone.")
    return token


def metadata_url(resource: str) -> str | None:
    """Return the URL of a resource's metadata (RFC 9728 §3.1), or None if the resource is not an https URL.

    http will do on loopback, for development.
    """
    parts = urlsplit(resource)
    local = parts.scheme == "http" and is_loopback(parts.hostname)
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.fragment:
        return None
    path = "" if parts.path == "/" else parts.path
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{path}{query}"


def _names_token(query: bytes) -> bool:
    return any(name == b"access_token" for name, _ in parse_qsl(query, keep_blank_values=True))


async def _run(endpoint: Endpoint, request: Request) -> Response:
    """Call an endpoint as Starlette would: what may block runs in a thread."""
    if inspect.iscoroutinefunction(endpoint):
        response: Response = await endpoint(request)
    else:
        response = await run_in_threadpool(cast("Callable[[Request], Response]", endpoint), request)
    return response
