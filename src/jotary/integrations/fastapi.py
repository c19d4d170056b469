"""Protect a FastAPI application: a dependency per scope, shown in OpenAPI, and sign-in from Swagger UI (RFC 6750)."""

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, WebSocketException, params
from fastapi.openapi.models import OAuth2, OAuthFlowAuthorizationCode, OAuthFlows
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from jotary.verifier import MultiIssuerVerifier, Principal, TokenVerifier
from jotary.verifier.challenge import Refusal
from jotary.verifier.resource_server import Refused, ResourceServer

__all__ = ["JotarySecurity", "RefusedRequest", "Requirement"]

_POLICY_VIOLATION = 1008  # RFC 6455 §7.4.1


class RefusedRequest(HTTPException):
    """The request is not let in. Every handler of HTTPException will do; `install` adds the one that says it best.

    Args:
        refusal: status, headers and body.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.body["error_description"], refusal.headers)
        self.refusal = refusal


class JotarySecurity(ResourceServer, SecurityBase):
    """Protects FastAPI routes. Call `install(app)` once.

    `Annotated[Principal, security.require("todo:read")]` gives the `Principal` and shows the scopes in OpenAPI, as does
    `Annotated[Principal, Security(security, scopes=["todo:read"])]`.

    Args:
        verifier: of the tokens; who made it closes it.
        resource: this API's identifier and URL (RFC 9728 §1.2); the verifier's audience by default, if there is one.
        scopes: what can be asked for, with descriptions; those that are required somewhere are added.
        name: of the API, for people.
        documentation: URL of the API's documentation.
        authorization_url: where Swagger UI sends people to sign in; `/authorize` of the (first) issuer by default.
        token_url: where it redeems the code; `/token` of the (first) issuer by default.
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
        flow = OAuthFlowAuthorizationCode(
            authorizationUrl=authorization_url or f"{issuer}/authorize", tokenUrl=token_url or f"{issuer}/token"
        )
        flow.scopes = self.scopes  # the same dict, so that OpenAPI shows what routes add to it
        self.model = OAuth2(flows=OAuthFlows(authorizationCode=flow))
        self.scheme_name = "OAuth2"
        self._required: dict[tuple[str, ...], Requirement] = {}

    async def __call__(self, connection: HTTPConnection, security_scopes: SecurityScopes) -> Principal:
        """Let in: the dependency itself, for `Security(security, scopes=[...])`."""
        return await self.admit_connection(connection, tuple(security_scopes.scopes))

    def require(self, *scopes: str) -> "Requirement":
        """Return the dependency that lets in tokens with all of these scopes; the same one for the same scopes.

        It stands where FastAPI takes `Security(...)`, or in `Depends(...)`, which costs a second step at each request.

        Raises:
            ValueError: one of the scopes is no scope value.
        """
        required = self.declare(scopes)
        if required not in self._required:
            self._required[required] = Requirement(_Check(self, required), scopes=required)
        return self._required[required]

    async def admit_connection(self, connection: HTTPConnection, required: tuple[str, ...]) -> Principal:
        """Return who sends the request, as `admit` does.

        Raises:
            RefusedRequest: with 400, 401, 403 or 503.
            WebSocketException: for a WebSocket, where the server can only close it.
        """
        scope = connection.scope
        authorization = [value for name, value in scope["headers"] if name == b"authorization"]
        try:
            return await self.admit(authorization, scope["query_string"], required)
        except Refused as refused:
            if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
                raise WebSocketException(_POLICY_VIOLATION) from refused
            raise RefusedRequest(refused.refusal) from refused

    def install(self, app: FastAPI) -> None:
        """Let an application answer refusals as RFC 6750 says, and serve the metadata document (RFC 9728 §3.1).

        Without this, refusals have FastAPI's own body (`detail`); status and headers are the same.
        """
        app.add_exception_handler(RefusedRequest, _answer)
        path = self.metadata_path()
        if path is not None:
            app.add_api_route(path, self._serve_metadata, methods=["GET", "HEAD"], include_in_schema=False)

    def swagger_ui_init_oauth(self, client_id: str | None) -> dict[str, Any] | None:
        """Return FastAPI's setting that makes "Authorize" in Swagger UI work: with PKCE, for a token for this API.

        Args:
            client_id: a public client at the issuer, whose redirect URI is the API's `/docs/oauth2-redirect`; None
                leaves the button without one.
        """
        if client_id is None:
            return None
        settings: dict[str, Any] = {"clientId": client_id, "usePkceWithAuthorizationCodeGrant": True}
        if self.resource:
            settings["additionalQueryStringParams"] = {"resource": self.resource}  # RFC 8707 §2
        return settings

    async def _serve_metadata(self) -> Response:
        return JSONResponse(self.metadata(), headers=self.metadata_headers)


class Requirement(params.Security):
    """What `JotarySecurity.require` returns: FastAPI's declaration of a dependency, and a dependency by itself.

    FastAPI shows in OpenAPI only the scopes of a declaration, so inside `Depends` it is a dependency on its own
    declaration.
    """

    @property
    def __signature__(self) -> Signature:
        """What FastAPI reads to know what to call it with."""
        return Signature([Parameter("principal", Parameter.KEYWORD_ONLY, annotation=Annotated[Principal, self])])

    async def __call__(self, *, principal: Principal) -> Principal:
        """Give what the declaration gave."""
        return principal


class _Check(SecurityBase):
    """The dependency itself: a security scheme for OpenAPI, called once for each request."""

    def __init__(self, security: JotarySecurity, required: tuple[str, ...]) -> None:
        self.model = security.model
        self.scheme_name = security.scheme_name
        self._security = security
        self._required = required

    async def __call__(self, connection: HTTPConnection) -> Principal:
        """Let in."""
        return await self._security.admit_connection(connection, self._required)


async def _answer(_: object, refused: Any) -> Response:
    """The handler of RefusedRequest; Starlette's type for handlers admits no narrower argument."""
    refusal: Refusal = refused.refusal
    return JSONResponse(refusal.body, refusal.status, refusal.headers)
