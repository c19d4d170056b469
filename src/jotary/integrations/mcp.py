"""Protect a server of the MCP SDK over streamable HTTP (RFC 6750, RFC 9728), and tell its tools who is calling.

Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware, get_access_token
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import ConfigDict, Field
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.verifier import InvalidToken, MultiIssuerVerifier, Principal, TokenVerifier
from jotary.verifier.challenge import Refusal
from jotary.verifier.resource_server import Refused, ResourceServer

__all__ = ["CallerToken", "Guard", "JotarySecurity", "principal"]

Admit = Callable[[Scope, tuple[str, ...]], Awaitable[None]]

_POLICY_VIOLATION = 1008  # RFC 6455 §7.4.1


class CallerToken(AccessToken):
    """The SDK's view of a verified token, with the principal that jotary made of it. Neither token nor claims print."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    token: str = Field(repr=False)
    claims: dict[str, Any] | None = Field(default=None, repr=False)
    principal: Principal = Field(exclude=True)


class JotarySecurity(ResourceServer):
    """Protects MCP servers. It is the SDK's `TokenVerifier` too.

    Args:
        verifier: of the tokens, for one audience; who made it closes it.
        resource: the server's URL with its path, such as `https://mcp.example.com/mcp` (RFC 9728 §1.2); the verifier's
            audience by default.
        scopes: what can be asked for, with descriptions; those that are required are added.
        name: of the server, for people.
        documentation: URL of its documentation.

    Raises:
        ValueError: the resource is not a URL, or the verifier takes tokens for other audiences too.
    """

    def __init__(
        self,
        verifier: TokenVerifier | MultiIssuerVerifier,
        *,
        resource: str | None = None,
        scopes: Mapping[str, str] | None = None,
        name: str | None = None,
        documentation: str | None = None,
    ) -> None:
        super().__init__(verifier, resource=resource, scopes=scopes, name=name, documentation=documentation)
        if len(verifier.audiences) != 1:
            raise ValueError("an MCP server takes tokens for itself alone: give the verifier one audience")
        if self.resource is None or self.resource_metadata is None:
            raise ValueError(f"{self.resource!r} is not the URL of an MCP server: https, or http on loopback")
        self.url: str = self.resource

    def protect(
        self,
        server: MCPServer[Any],
        *scopes: str,
        public: Iterable[str] = (),
        transport_security: TransportSecuritySettings | None = None,
        **options: Any,
    ) -> Starlette:
        """Return the ASGI application of a server, at the path of the resource, for tokens with all of these scopes.

        Everything in it is protected but the metadata document (RFC 9728 §3.1), the server's own routes too.

        Args:
            server: without `auth` of its own. Its tools get their caller with `principal()`.
            scopes: that every request needs.
            public: paths of the server's own routes that need no token, such as "/health".
            transport_security: which hosts and origins may be named in a request; those of the resource by default.
            options: of the SDK's `streamable_http_app`, such as `stateless_http`.

        Raises:
            ValueError: one of the scopes is no scope value, or the server has `auth` of its own.
        """
        if server.settings.auth is not None:
            raise ValueError("protect() does all that `auth=` would: make the server without it")
        required = self.declare(scopes)
        app = server.streamable_http_app(
            streamable_http_path=urlsplit(self.url).path or "/",
            transport_security=transport_security or _expected_hosts(self.url),
            **options,
        )
        app.router.routes[:0] = self.routes()
        open_paths = frozenset([*public, self.metadata_path()])
        app.add_middleware(AuthContextMiddleware)
        app.add_middleware(Guard, admit=self.identify, required=required, guarded=lambda path: path not in open_paths)
        return app

    def settings(self, *scopes: str) -> AuthSettings:
        """The SDK's own way: `MCPServer(auth=security.settings("todo:read"), token_verifier=security)`.

        It works with `server.run("streamable-http")`. The refusals are the SDK's: no reasons, no 503.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        required = list(self.declare(scopes))
        return AuthSettings.model_validate(
            {
                "issuer_url": self.verifier.issuer,
                "resource_server_url": self.url,
                "required_scopes": required,
                "validate_token_resource": True,
            }
        )

    async def verify_token(self, token: str) -> AccessToken | None:
        """Do what the SDK's `TokenVerifier` says: None for a token that is refused.

        Raises:
            KeysUnavailable: nobody knows. None would make clients throw good tokens away.
        """
        try:
            return self.caller(token, await self.verifier.averify(token))
        except InvalidToken:
            return None

    def caller(self, token: str, admitted: Principal) -> AccessToken:
        """What the SDK and its tools get of a verified token."""
        return CallerToken(principal=admitted, **self.members(token, admitted))

    def members(self, token: str, admitted: Principal) -> dict[str, Any]:
        """The SDK's members of an `AccessToken`."""
        return {
            "token": token,
            "client_id": admitted.client_id,
            "scopes": sorted(admitted.scopes),
            "expires_at": admitted.expires_at,
            "resource": self.url,  # the verifier has found its one audience in the token
            "subject": admitted.subject,
            "claims": _plain(admitted.claims),
        }

    def routes(self) -> list[Route]:
        """The route of the metadata document (RFC 9728 §3.1), for the root of the server's host."""

        async def metadata(_: Request) -> Response:
            return JSONResponse(self.metadata(), headers=self.metadata_headers)

        return [Route(str(self.metadata_path()), metadata, name="oauth-protected-resource", include_in_schema=False)]

    async def identify(self, scope: Scope, required: tuple[str, ...]) -> None:
        """Put the caller where the SDK looks for it: who it is decides whose MCP session a request may use.

        Raises:
            Refused: as `admit`.
        """
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        admitted = await self.admit(authorization, scope["query_string"], required)
        token = authorization[0].decode("ascii").split()[1]
        scope["user"] = AuthenticatedUser(self.caller(token, admitted))
        scope["auth"] = AuthCredentials(sorted(admitted.scopes))


class Guard:
    """ASGI middleware: who calls is known inside, and who may not is answered here.

    Args:
        app: what is inside.
        admit: puts the caller into the ASGI scope, or raises Refused.
        required: scopes that guarded paths need.
        guarded: whether nobody passes to this path without a token that will do.
    """

    def __init__(
        self, app: ASGIApp, *, admit: Admit, required: tuple[str, ...], guarded: Callable[[str], bool]
    ) -> None:
        self._app = app
        self._admit = admit
        self._required = required
        self._guarded = guarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer refusals, and pass on everything else."""
        if scope["type"] in {"http", "websocket"}:
            guarded = self._guarded(scope["path"].removeprefix(scope.get("root_path", "")))
            try:
                await self._admit(scope, self._required if guarded else ())
            except Refused as refused:
                if guarded:
                    await _refuse(refused.refusal, scope, receive, send)
                    return
        await self._app(scope, receive, send)


def principal() -> Principal:
    """Return who calls the tool, the resource or the prompt that is running.

    Raises:
        RuntimeError: nobody was checked: the server is not protected, or is not called over HTTP.
    """
    return principal_of(get_access_token(), "protect the server with protect()")


def principal_of(token: AccessToken | None, mend: str) -> Principal:
    """Return who a token says is calling, if jotary has made it.

    Args:
        token: of the call.
        mend: how calls come to be checked, for whoever forgot it.

    Raises:
        RuntimeError: it has not.
    """
    found = getattr(token, "principal", None)
    if not isinstance(found, Principal):
        problem = f"nobody checked this call: {mend}, and call it over HTTP"
        raise RuntimeError(problem)  # noqa: TRY004 -- where it is called from is wrong, not what with
    return found


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":  # MCP has none; a route that the server has of its own may be one
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
    else:
        await JSONResponse(refusal.body, refusal.status, refusal.headers)(scope, receive, send)


def _expected_hosts(resource: str) -> TransportSecuritySettings:
    """The SDK's guard against DNS rebinding, which knows loopback alone unless it is told the server's name."""
    parts = urlsplit(resource)
    return TransportSecuritySettings(
        allowed_hosts=[parts.netloc, f"{parts.hostname}:*"], allowed_origins=[f"{parts.scheme}://{parts.netloc}"]
    )


def _plain(value: Any) -> Any:
    """Claims as JSON has them, for who serializes them."""
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
