"""The same MCP server with each library, in memory and on a port."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import require_scopes
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError as SDKToolError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from jotary import TokenVerifier
from jotary.integrations import fastmcp, mcp
from jotary.testing import LoopbackIssuer

if TYPE_CHECKING:
    from tests.conftest import Door

Build = Callable[[TokenVerifier], ASGIApp]


async def health(_: Request) -> Response:
    """A route beside the tools, which needs no token."""
    return PlainTextResponse("well")


def sdk(verifier: TokenVerifier) -> ASGIApp:
    """`security.protect(server)` of the MCP SDK."""
    server = MCPServer("ToDo")

    @server.tool()
    async def whoami() -> str:
        caller = mcp.principal()
        return f"{caller.subject} {' '.join(sorted(caller.scopes))}"

    @server.tool()
    def whoami_in_a_thread() -> str:
        return mcp.principal().subject

    @server.tool()
    async def write() -> str:
        if not mcp.principal().has_scopes("todo:write"):
            raise SDKToolError("todo:write is needed")
        return mcp.principal().subject

    server.custom_route("/health", ["GET"])(health)
    server.custom_route("/internal", ["GET"])(health)
    security = mcp.JotarySecurity(verifier, scopes={"todo:read": "Read your tasks", "todo:write": ""}, name="ToDo")
    return security.protect(server, "todo:read", public=["/health"])


def fast(verifier: TokenVerifier) -> ASGIApp:
    """`FastMCP(auth=JotaryAuth(...))`."""
    auth = fastmcp.JotaryAuth(
        verifier, "todo:read", scopes={"todo:read": "Read your tasks", "todo:write": ""}, name="ToDo"
    )
    server: FastMCP[Any] = FastMCP("ToDo", auth=auth)

    @server.tool
    async def whoami() -> str:
        caller = fastmcp.principal()
        return f"{caller.subject} {' '.join(sorted(caller.scopes))}"

    @server.tool
    def whoami_in_a_thread() -> str:
        return fastmcp.principal().subject

    @server.tool(auth=require_scopes("todo:write"))
    async def write() -> str:
        return fastmcp.principal().subject

    server.custom_route("/health", ["GET"])(health)
    app: ASGIApp = server.http_app()
    return app


@pytest.fixture(params=[sdk, fast], ids=["mcp", "fastmcp"])
def build(request: pytest.FixtureRequest) -> Build:
    """Each way of protecting."""
    chosen: Build = request.param
    return chosen


@pytest.fixture
def sdk_build() -> Build:
    """The first of them, for what only it does."""
    return sdk


class Live:
    """A server that runs, with tokens for it.

    Args:
        issuer: of its tokens.
        url: its own.
    """

    def __init__(self, issuer: LoopbackIssuer, url: str) -> None:
        self.issuer = issuer
        self.url = url

    def token(self, sub: str, *scopes: str) -> str:
        """A good one."""
        return self.issuer.token(sub, scopes=scopes, aud=self.url)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the clients."""
    return "asyncio"


@pytest.fixture
def live(build: Build, open_door: Callable[[], "Door"], serve: Callable[["Door", ASGIApp], None]) -> Any:
    """Over real connections, with keys that are fetched."""
    door = open_door()
    with LoopbackIssuer() as issuer:
        live = Live(issuer, f"{door.origin}/mcp")
        serve(door, build(TokenVerifier(issuer=issuer.issuer, audience=live.url)))
        yield live
