"""Protect a FastMCP server (RFC 6750, RFC 9728), and tell its tools who is calling: `FastMCP(auth=JotaryAuth(…))`.

Every refusal has a JSON body with `error` (unless no token was sent) and `error_description`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastmcp.server.auth import AccessToken, RemoteAuthProvider
from fastmcp.server.auth import TokenVerifier as FastMCPVerifier
from fastmcp.server.dependencies import get_access_token
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from pydantic import AnyHttpUrl, ConfigDict, Field
from starlette.middleware import Middleware
from starlette.routing import Route

from jotary.integrations import mcp
from jotary.verifier import MultiIssuerVerifier, Principal, TokenVerifier

__all__ = ["CallerToken", "JotaryAuth", "principal"]


class CallerToken(AccessToken):
    """FastMCP's view of a verified token, with the principal that jotary made of it. Neither token nor claims print."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    token: str = Field(repr=False)
    claims: dict[str, Any] = Field(default_factory=dict, repr=False)
    principal: Principal = Field(exclude=True)


class JotaryAuth(RemoteAuthProvider):
    """The `auth=` of a FastMCP server, for tokens with all of these scopes.

    FastMCP writes the URLs of the metadata document in a form of its own, where `https://id.example.com` becomes
    `https://id.example.com/`: another issuer for whoever compares byte by byte, as RFC 8414 §3.3 asks. This publishes
    them as the tokens have them.

    Args:
        verifier: of the tokens, for one audience; who made it closes it.
        required: scopes that every request needs. For single tools FastMCP has `auth=require_scopes(…)`.
        resource: the server's URL with its path, such as `https://mcp.example.com/mcp` (RFC 9728 §1.2); the verifier's
            audience by default.
        scopes: what can be asked for, with descriptions; those that are required are added.
        name: of the server, for people.
        documentation: URL of its documentation.

    Raises:
        ValueError: one of the scopes is no scope value, the resource is not a URL, or the verifier takes tokens for
            other audiences too.
    """

    def __init__(
        self,
        verifier: TokenVerifier | MultiIssuerVerifier,
        *required: str,
        resource: str | None = None,
        scopes: Mapping[str, str] | None = None,
        name: str | None = None,
        documentation: str | None = None,
    ) -> None:
        self.security = _Security(verifier, resource=resource, scopes=scopes, name=name, documentation=documentation)
        self._required = self.security.declare(required)
        super().__init__(
            token_verifier=_Verifier(self.security, self._required),
            authorization_servers=[AnyHttpUrl(issuer) for issuer in verifier.issuers],
            base_url=self.security.url,
            scopes_supported=list(self.security.scopes),
            resource_name=name,
        )

    def set_mcp_path(self, mcp_path: str | None) -> None:
        """Learn the path of the server, which FastMCP tells when it makes the application.

        Raises:
            ValueError: no token for the resource would be one for this path.
        """
        path = (mcp_path or "").rstrip("/")
        if not urlsplit(self.security.url).path.rstrip("/").endswith(path):
            raise ValueError(f"the server is at {mcp_path}, and its tokens are for {self.security.url}: name one URL")
        self.base_url = AnyHttpUrl(self.security.url.rstrip("/").removesuffix(path))
        super().set_mcp_path(mcp_path)

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:
        """The route of the metadata document (RFC 9728 §3.1), for the root of the server's host."""
        self.set_mcp_path(mcp_path)
        return self.security.routes()

    def get_middleware(self) -> list[Middleware]:
        """What finds out who calls, and answers refusals at the server's path with their reasons.

        FastMCP's own guard stands inside: what came past this one without a token that will do is refused there.
        """
        guard = Middleware(
            mcp.Guard,
            admit=self.security.identify,
            required=self._required,
            guarded=lambda path: path == self._mcp_path,
        )
        return [guard, Middleware(AuthContextMiddleware)]


class _Security(mcp.JotarySecurity):
    def caller(self, token: str, admitted: Principal) -> AccessToken:
        return CallerToken(principal=admitted, **self.members(token, admitted))


class _Verifier(FastMCPVerifier):
    """FastMCP's protocol, for what asks the provider and not the middleware."""

    def __init__(self, security: _Security, required: tuple[str, ...]) -> None:
        super().__init__(required_scopes=list(required))
        self._security = security

    async def verify_token(self, token: str) -> AccessToken | None:
        found = await self._security.verify_token(token)
        return found if isinstance(found, AccessToken) else None


def principal() -> Principal:
    """Return who calls the tool, the resource or the prompt that is running.

    Raises:
        RuntimeError: nobody was checked: the server is not protected, or is not called over HTTP.
    """
    return mcp.principal_of(get_access_token(), "give FastMCP auth=JotaryAuth(…)")
