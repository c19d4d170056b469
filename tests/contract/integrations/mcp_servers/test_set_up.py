"""What a server must be told, and what it must not: found at start."""

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import MCPServer
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from jotary import KeysUnavailable, MultiIssuerVerifier, TokenVerifier
from jotary.integrations import fastmcp, mcp
from jotary.testing import Fault, FrozenClock, LoopbackIssuer, TestIssuer

URL = "https://todo.example/mcp"
METADATA = "/.well-known/oauth-protected-resource/mcp"
CALL: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ISSUER = TestIssuer("https://id.example", audience=URL, clock=FrozenClock())


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("function", [mcp.principal, fastmcp.principal], ids=["mcp", "fastmcp"])
def test_where_nobody_was_checked_nobody_calls(function: Callable[[], Any]) -> None:
    """Rather than an anonymous caller, over stdio or in memory."""
    assert get_access_token() is None
    with pytest.raises(RuntimeError, match="nobody checked"):
        function()


@pytest.mark.parametrize(
    "audience", ["todo-api", "http://todo.example/mcp", ["https://a.example", "https://b.example"]]
)
def test_a_server_has_one_audience_which_is_its_url(audience: Any) -> None:
    """MCP, "Access Token Privilege Restriction": it must take no token that was meant for another service."""
    with pytest.raises(ValueError, match=r"audience|URL"):
        mcp.JotarySecurity(ISSUER.verifier(audience=audience))
    with pytest.raises(ValueError, match=r"audience|URL"):
        fastmcp.JotaryAuth(ISSUER.verifier(audience=audience))


def test_a_server_with_auth_of_its_own_is_not_protected_twice() -> None:
    """Two guards with two opinions."""
    security = mcp.JotarySecurity(ISSUER.verifier())
    server = MCPServer("ToDo", auth=security.settings(), token_verifier=security)
    with pytest.raises(ValueError, match="without it"):
        security.protect(server)


def test_a_fastmcp_server_is_where_its_tokens_say() -> None:
    """A token for /mcp is none for /other: found at start, not by the first client."""
    server: FastMCP[Any] = FastMCP("ToDo", auth=fastmcp.JotaryAuth(ISSUER.verifier()))
    with pytest.raises(ValueError, match="name one URL"):
        server.http_app(path="/other")
    root: FastMCP[Any] = FastMCP("ToDo", auth=fastmcp.JotaryAuth(ISSUER.verifier()))
    root.http_app(path="/")  # to be mounted at /mcp


@pytest.mark.parametrize(("path", "mounted_at"), [("/mcp", "https://todo.example/"), ("/", "https://todo.example/mcp")])
def test_fastmcp_is_told_where_it_is_without_the_path_that_it_adds(path: str, mounted_at: str) -> None:
    """RFC 9728 §3.3: it makes the resource's URL of the two, and `/mcp/mcp` would be another resource."""
    auth = fastmcp.JotaryAuth(ISSUER.verifier())
    server: FastMCP[Any] = FastMCP("ToDo", auth=auth)
    server.http_app(path=path)
    assert str(auth.base_url) == mounted_at


def test_a_websocket_among_the_servers_own_routes_is_protected() -> None:
    """Everything is, but what is public."""

    async def whoami(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.user.access_token.subject)
        await websocket.close()

    app = mcp.JotarySecurity(ISSUER.verifier()).protect(MCPServer("ToDo"), "a")
    app.router.routes.append(WebSocketRoute("/own", whoami))
    client = TestClient(app)
    for headers in ({}, bearer(ISSUER.token(scopes=["b"]))):
        with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/own", headers=headers):
            pass
        assert caught.value.code == 1008
    with client.websocket_connect("/own", headers=bearer(ISSUER.token("ada", scopes=["a"]))) as session:
        assert session.receive_text() == "ada"


def test_several_issuers_are_all_named() -> None:
    """RFC 9728 §2."""
    other = TestIssuer("https://other.example", audience=URL, clock=ISSUER.clock)
    verifier = MultiIssuerVerifier([ISSUER.verifier(), other.verifier()])
    app = mcp.JotarySecurity(verifier).protect(MCPServer("ToDo"))
    document = TestClient(app, base_url="https://todo.example").get(METADATA).json()
    assert document["authorization_servers"] == ["https://id.example", "https://other.example"]


def test_a_request_for_another_host_is_not_served(sdk_build: Callable[..., Any]) -> None:
    """DNS rebinding: the SDK's guard knows the name of the resource without being told."""
    token = bearer(ISSUER.token("ada", scopes=["todo:read"]))
    headers = {**token, "Accept": "application/json, text/event-stream"}
    with TestClient(sdk_build(ISSUER.verifier()), base_url="https://todo.example") as client:
        statuses = [
            client.post("/mcp", json=CALL, headers={**headers, "Host": host}).status_code
            for host in ("evil.example", "todo.example.evil.example")
        ]
        cross = client.post("/mcp", json=CALL, headers={**headers, "Origin": "https://evil.example"}).status_code
        good = client.post("/mcp", json=CALL, headers=headers).status_code
    assert (statuses, cross) == ([421, 421], 403)
    assert good not in {401, 403, 421}


@pytest.mark.anyio
async def test_the_verifiers_protocol_tells_an_outage_from_a_refusal() -> None:
    """None for a token that is refused; an outage raises, as nobody knows."""
    security = mcp.JotarySecurity(ISSUER.verifier())
    token = ISSUER.token("ada", scopes=["b", "a"], tenant={"id": [1, {"x": None}]})
    found = await security.verify_token(token)
    assert found is not None
    assert (found.client_id, found.subject, found.scopes, found.resource) == ("client-1", "ada", ["a", "b"], URL)
    assert found.claims is not None
    assert found.claims["tenant"] == {"id": [1, {"x": None}]}
    assert await security.verify_token("garbage") is None
    with LoopbackIssuer(audience=URL) as issuer:
        issuer.break_everything(Fault(status=500))
        unsure = mcp.JotarySecurity(TokenVerifier(issuer=issuer.issuer, audience=URL))
        with pytest.raises(KeysUnavailable):
            await unsure.verify_token(issuer.token("ada"))


def test_neither_the_token_nor_its_claims_print() -> None:
    """The SDK's own `AccessToken` does."""
    admitted = ISSUER.verifier().verify(ISSUER.token("ada", email="ada@example.com"))
    for made in (
        mcp.JotarySecurity(ISSUER.verifier()).caller("s3cret", admitted),
        fastmcp.JotaryAuth(ISSUER.verifier()).security.caller("s3cret", admitted),
    ):
        assert "s3cret" not in repr(made)
        assert "ada@example.com" not in repr(made)
        assert "principal" not in made.model_dump()


def test_a_named_resource_does_not_let_other_audiences_in() -> None:
    """MCP, "Access Token Privilege Restriction": a token for the second audience would be taken too."""
    with pytest.raises(ValueError, match="one audience"):
        mcp.JotarySecurity(ISSUER.verifier(audience=[URL, "https://other.example"]), resource=URL)
