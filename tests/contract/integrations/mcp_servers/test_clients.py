"""Real MCP clients call a protected server, and each tool knows who calls."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from fastmcp import Client as FastMCPClient
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from starlette.types import ASGIApp

from jotary import TokenVerifier
from jotary.integrations import mcp
from jotary.testing import LoopbackIssuer

if TYPE_CHECKING:
    from tests.conftest import Door
    from tests.contract.integrations.mcp_servers.conftest import Live

METADATA = "/.well-known/oauth-protected-resource/mcp"
CALL: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}


def text(result: Any) -> str:
    """The answer of a tool."""
    found: str = result.content[0].text
    return found


@pytest.mark.anyio
async def test_the_client_of_the_sdk_calls_tools_as_somebody(live: "Live") -> None:
    """The principal is that of the request, also after the token was refreshed within a session."""
    headers = bearer(live.token("ada", "todo:read"))
    async with (
        httpx2.AsyncClient(headers=headers, trust_env=False) as http,
        Client(streamable_http_client(live.url, http_client=http)) as client,
    ):
        assert text(await client.call_tool("whoami", {})) == "ada todo:read"
        assert text(await client.call_tool("whoami_in_a_thread", {})) == "ada"
        http.headers.update(bearer(live.token("ada", "todo:read", "todo:write")))
        assert text(await client.call_tool("whoami", {})) == "ada todo:read todo:write"
        assert text(await client.call_tool("write", {})) == "ada"


@pytest.mark.anyio
async def test_the_client_of_fastmcp_calls_tools_as_somebody(live: "Live") -> None:
    """With the scopes of the tool."""
    async with FastMCPClient(live.url, auth=live.token("ada", "todo:read", "todo:write")) as client:
        assert text(await client.call_tool("whoami")) == "ada todo:read todo:write"
        assert text(await client.call_tool("write")) == "ada"
    async with FastMCPClient(live.url, auth=live.token("bob", "todo:read")) as client:
        assert text(await client.call_tool("whoami")) == "bob todo:read"
        with pytest.raises(Exception, match=r"(?i)todo:write|unknown tool|not found"):
            await client.call_tool("write")


@pytest.mark.anyio
async def test_somebody_elses_session_cannot_be_used(live: "Live") -> None:
    """MCP, "Session Hijacking": a session belongs to who began it, whatever good token another one has."""
    start = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    accept = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(headers=accept, trust_env=False) as http:
        begun = await http.post(live.url, json=start, headers=bearer(live.token("ada", "todo:read")))
        session = {"Mcp-Session-Id": begun.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-06-18"}
        statuses = []
        for who in ("ada", "eve"):
            headers = {**session, **bearer(live.token(who, "todo:read"))}
            statuses.append((await http.post(live.url, json=CALL, headers=headers)).status_code)
        assert statuses == [200, 404]


@pytest.mark.anyio
async def test_the_sdks_own_way_protects_too(
    open_door: Callable[[], "Door"], serve: Callable[["Door", ASGIApp], None]
) -> None:
    """`MCPServer(auth=security.settings(...), token_verifier=security)`: same tokens, the SDK's own words."""
    door = open_door()
    with LoopbackIssuer() as issuer:
        url = f"{door.origin}/mcp"
        security = mcp.JotarySecurity(TokenVerifier(issuer=issuer.issuer, audience=url))
        server = MCPServer("ToDo", auth=security.settings("todo:read"), token_verifier=security)
        server.tool(name="whoami")(lambda: mcp.principal().subject)
        serve(door, server.streamable_http_app())
        async with httpx2.AsyncClient(trust_env=False) as http:
            statuses = [
                (await http.post(url, json=CALL, headers=headers)).status_code
                for headers in ({}, bearer(issuer.token()), bearer(issuer.token("ada", aud=url)))
            ]
            document = (await http.get(f"{door.origin}{METADATA}")).json()
        assert statuses == [401, 401, 403]
        assert (document["resource"], document["authorization_servers"]) == (url, [issuer.issuer])
        async with FastMCPClient(url, auth=issuer.token("ada", scopes=["todo:read"], aud=url)) as client:
            assert text(await client.call_tool("whoami")) == "ada"
