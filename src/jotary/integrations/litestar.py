"""Protect a Litestar application: a guard per scope, shown in OpenAPI, and the caller as a dependency (RFC 6750).

Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

import copy
from collections.abc import Mapping
from typing import Any

from litestar import Response, route
from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.exceptions import LitestarException, WebSocketException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.spec import Components, OAuthFlow, OAuthFlows, SecurityScheme
from litestar.plugins import InitPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import Scope

from jotary.verifier import MultiIssuerVerifier, Principal, TokenVerifier
from jotary.verifier.challenge import Refusal
from jotary.verifier.resource_server import Refused, ResourceServer

__all__ = ["JotarySecurity", "RefusedRequest", "ScopeGuard"]

Connection = ASGIConnection[Any, Any, Any, Any]

_PRINCIPAL = "jotary.principal"  # in the ASGI scope
_SCHEME = "OAuth2"  # the name in OpenAPI
_POLICY_VIOLATION = 1008  # RFC 6455 §7.4.1


# Not Litestar's HTTPException: handlers for a status, which many applications have, would win over the one for a type.
class RefusedRequest(LitestarException):
    """The request is not let in. The plugin brings the handler that answers it.

    Args:
        refusal: status, headers and body.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(detail=refusal.body["error_description"])
        self.refusal = refusal


class JotarySecurity(ResourceServer, InitPlugin, ReceiveRoutePlugin):
    """Protects Litestar handlers. Pass it to the application: `Litestar(..., plugins=[security])`.

    Handlers get their caller as the dependency `principal: NamedDependency[Principal]`.

    Args:
        verifier: of the tokens; who made it closes it.
        resource: this API's identifier and URL (RFC 9728 §1.2); the verifier's audience by default, if there is one.
        scopes: what can be asked for, with descriptions; those that are required somewhere are added.
        name: of the API, for people.
        documentation: URL of the API's documentation.
        authorization_url: where OpenAPI says that people sign in; `/authorize` of the (first) issuer by default.
        token_url: where the code is redeemed; `/token` of the (first) issuer by default.
    """

    def __init__(
        self,
        verifier: TokenVerifier | MultiIssuerVerifier,
        *,
        resource: str | None = None,
        scopes: Mapping[str, str] | None = None,
        name: str | None = None,
        documentation: str | None = None,
        authorization_url: str | None = None,
        token_url: str | None = None,
    ) -> None:
        super().__init__(verifier, resource=resource, scopes=scopes, name=name, documentation=documentation)
        issuer = verifier.issuer.rstrip("/")
        self._flow = OAuthFlow(
            authorization_url=authorization_url or f"{issuer}/authorize",
            token_url=token_url or f"{issuer}/token",
            scopes=self.scopes,  # the same dict, so that OpenAPI shows what guards add to it
        )

    def require(self, *scopes: str) -> "ScopeGuard":
        """Return a guard, for `guards=[...]` of a handler, a controller, a router or the application.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        return ScopeGuard(self, self.declare(scopes))

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the handler of refusals, the dependency, the metadata document (RFC 9728 §3.1) and OpenAPI's scheme."""
        # A refusal stays one, whatever the application makes of its other exceptions.
        app_config.exception_handlers = {**app_config.exception_handlers, RefusedRequest: _answer}
        app_config.dependencies = {"principal": Provide(_principal), **app_config.dependencies}
        path = self.metadata_path()
        if path is not None:
            app_config.route_handlers.append(self._metadata_route(path))
        self._describe(app_config)
        return app_config

    def receive_route(self, route: BaseRoute) -> None:
        """Show the scopes of each handler's guards in OpenAPI (OpenAPI 3.1 §4.8.30)."""
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            guards = [guard for guard in handler.resolve_guards() if isinstance(guard, ScopeGuard)]
            requirement = {_SCHEME: list(dict.fromkeys(scope for guard in guards for scope in guard.required))}
            # A handler with several paths comes once with each.
            if guards and requirement not in (said := [*(handler.security or ())]):
                handler.security = [*said, requirement]

    def _metadata_route(self, path: str) -> HTTPRouteHandler:
        @route(path, http_method=["GET", "HEAD"], include_in_schema=False, name="oauth-protected-resource")
        async def metadata() -> Response[dict[str, Any]]:
            return Response(self.metadata(), headers=dict(self.metadata_headers), media_type=MediaType.JSON)

        return metadata

    def _describe(self, app_config: AppConfig) -> None:
        if app_config.openapi_config is None:
            return
        flows = OAuthFlows(authorization_code=self._flow)
        ours = Components(security_schemes={_SCHEME: SecurityScheme(type="oauth2", flows=flows)})
        config = copy.copy(app_config.openapi_config)  # Litestar's default one is shared by all applications
        theirs = config.components if isinstance(config.components, list) else [config.components]
        config.components = [*theirs, ours]
        app_config.openapi_config = config


class ScopeGuard:
    """A guard that lets in tokens with all of its scopes; `require` makes it.

    Args:
        security: what verifies.
        required: the scopes.
    """

    def __init__(self, security: JotarySecurity, required: tuple[str, ...]) -> None:
        self.required = required
        self._security = security

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Let in, or raise RefusedRequest; a WebSocket is closed before it is accepted."""
        scope: dict[str, Any] = connection.scope  # type: ignore[assignment]  # ASGI lets an application add members
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            scope[_PRINCIPAL] = await self._security.admit(authorization, scope["query_string"], self.required)
        except Refused as refused:
            if scope["type"] == "websocket":
                reason = refused.refusal.body.get("error", "no access token")
                raise WebSocketException(detail=reason, code=_POLICY_VIOLATION) from refused
            raise RefusedRequest(refused.refusal) from refused

    def __deepcopy__(self, _: object) -> "ScopeGuard":
        """Return itself: Litestar copies the guards of a controller, and a verifier there must stay one."""
        return self


async def _principal(scope: Scope) -> Principal:
    found: Principal | None = scope.get(_PRINCIPAL)  # type: ignore[assignment]  # the guard has put it there
    if found is None:
        raise RuntimeError("nobody checked this request: protect its handler with guards=[security.require()]")
    return found


def _answer(_: object, refused: RefusedRequest) -> Response[dict[str, str]]:
    refusal = refused.refusal
    return Response(refusal.body, status_code=refusal.status, headers=refusal.headers, media_type=MediaType.JSON)
