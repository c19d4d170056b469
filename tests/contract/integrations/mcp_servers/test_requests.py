"""What an MCP server must do with a request, whichever library it is made with (RFC 6750, RFC 9728, MCP 2025-06-18)."""

from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, StaticTokenVerifier
from pydantic import AnyHttpUrl
from starlette.middleware.cors import CORSMiddleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from jotary import Revocation, RevocationList, TokenVerifier
from jotary.testing import Fault, FrozenClock, LoopbackIssuer, TestIssuer

URL = "https://todo.example/mcp"
METADATA = "/.well-known/oauth-protected-resource/mcp"
ISSUER = TestIssuer("https://id.example", audience=URL, clock=FrozenClock())
Build = Callable[[TokenVerifier], ASGIApp]


@pytest.fixture
def client(build: Build) -> TestClient:
    """A server that was never started: what is refused gets no further."""
    return TestClient(build(ISSUER.verifier()), base_url="https://todo.example")


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}


CALL: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def test_without_a_token_the_client_is_asked_for_one(client: TestClient) -> None:
    """RFC 6750 §3.1: no error code; the scopes, and where to learn who issues tokens (RFC 9728 §5.1)."""
    for method in ("POST", "GET", "DELETE"):
        response = client.request(method, "/mcp")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == (
            f'Bearer scope="todo:read", resource_metadata="https://todo.example{METADATA}"'
        )
        assert response.headers["Cache-Control"] == "no-store"
        assert list(response.json()) == ["error_description"]


@pytest.mark.parametrize("value", ["Bearer", "Bearer a b", 'Bearer "x"', "Bearer a,b"])
def test_a_malformed_header_is_400(client: TestClient, value: str) -> None:
    """RFC 6750 §3.1, invalid_request."""
    response = client.post("/mcp", json=CALL, headers={"Authorization": value})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_more_than_one_way_of_sending_is_400(client: TestClient) -> None:
    """RFC 6750 §2: nor is a token in the URL taken (MCP, "Access Token Usage")."""
    token = ISSUER.token(scopes=["todo:read"])
    both = client.post("/mcp", json=CALL, headers=bearer(token), params={"access_token": token})
    twice = client.post("/mcp", json=CALL, headers=[("Authorization", f"Bearer {token}")] * 2)
    alone = client.post("/mcp", json=CALL, params={"access_token": token})
    assert (both.status_code, twice.status_code, alone.status_code) == (400, 400, 401)


BAD = {
    "garbage": "garbage",
    "expired": ISSUER.token(lifetime=-10),
    "other audience": ISSUER.token(aud="https://other.example/mcp"),
    "audience without the path": ISSUER.token(aud="https://todo.example"),
    "audience with a slash": ISSUER.token(aud=f"{URL}/"),
    "other issuer": ISSUER.token(iss="https://other.example"),
    "issuer with a slash": ISSUER.token(iss="https://id.example/"),
    "ID token": ISSUER.id_token(aud=URL),
    "foreign key": TestIssuer(ISSUER.issuer, audience=URL, clock=ISSUER.clock).token(),
    "changed": ISSUER.token()[:-6] + "AAAAAA",
    "too long": ISSUER.token(padding="x" * 9000),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_401(client: TestClient, token: str) -> None:
    """RFC 6750 §3.1, with the reason for whoever integrates; MCP: audiences are validated (RFC 8707 §2)."""
    response = client.post("/mcp", json=CALL, headers=bearer(token))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token", error_description="')
    assert f'resource_metadata="https://todo.example{METADATA}"' in response.headers["WWW-Authenticate"]
    assert token not in response.text


def test_a_revoked_token_is_401(build: Build) -> None:
    """Design §6.3: though its signature is good."""
    revocations = RevocationList()
    verifier = ISSUER.verifier(revocations=revocations)
    client = TestClient(build(verifier), base_url="https://todo.example")
    token = ISSUER.token("ada", scopes=["todo:admin"], sid="s1")
    assert client.post("/mcp", json=CALL, headers=bearer(token)).status_code == 403
    now = int(ISSUER.clock())
    revocations.add(Revocation(kind="sid", value="s1", issued_before=now + 1, expires_at=now + 600))
    assert client.post("/mcp", json=CALL, headers=bearer(token)).status_code == 401


def test_a_missing_scope_is_403(client: TestClient) -> None:
    """RFC 6750 §3.1: with the scopes that it takes, which an MCP client asks for next ("Scope Challenge Handling")."""
    response = client.post("/mcp", json=CALL, headers=bearer(ISSUER.token(scopes=["todo:rea", "todo:write"])))
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="todo:read"' in response.headers["WWW-Authenticate"]


def test_without_keys_the_answer_is_503(build: Build) -> None:
    """A 401 would make the client throw a good token away and send its person to sign in."""
    with LoopbackIssuer(audience=URL) as issuer:
        issuer.break_everything(Fault(status=500))
        client = TestClient(build(TokenVerifier(issuer=issuer.issuer, audience=URL)), base_url="https://todo.example")
        response = client.post("/mcp", json=CALL, headers=bearer(issuer.token(scopes=["todo:read"])))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.json()["error"] == "temporarily_unavailable"


def test_the_metadata_document_is_byte_for_byte_what_tokens_say(client: TestClient) -> None:
    """RFC 9728 §2, §3.3: of an issuer without a slash, one without a slash; for anyone, from a page of any origin."""
    response = client.get(METADATA, headers={"Origin": "https://anywhere.example"})
    assert response.json() == {
        "resource": "https://todo.example/mcp",
        "authorization_servers": ["https://id.example"],
        "scopes_supported": ["todo:read", "todo:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "ToDo",
    }
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_fastmcp_alone_publishes_another_issuer() -> None:
    """What is corrected: once this fails, FastMCP does it by itself, and `JotaryAuth.get_routes` may go."""
    verifier = StaticTokenVerifier({})
    plain = RemoteAuthProvider(verifier, [AnyHttpUrl("https://id.example")], "https://todo.example")
    server: FastMCP[Any] = FastMCP("ToDo", auth=plain)
    document = TestClient(server.http_app(), base_url="https://todo.example").get(METADATA).json()
    assert document["authorization_servers"] == ["https://id.example/"]


@pytest.mark.parametrize("path", ["/mcp/", "/mcp%0A", "/mcp%2F", "//mcp", "/MCP", "/./mcp"])
def test_no_other_spelling_of_the_path_is_open(client: TestClient, path: str) -> None:
    """401, or nothing there, or the way to the right spelling."""
    response = client.post(path, json=CALL, follow_redirects=False)
    assert response.status_code in {401, 404, 307}


def test_a_route_beside_the_tools_can_be_open(client: TestClient) -> None:
    """With a token that will not do, too: it may be meant for something else."""
    for headers in ({}, bearer("garbage")):
        assert client.get("/health", headers=headers).text == "well"


def test_with_the_sdk_a_route_is_protected_unless_it_is_named(sdk_build: Build) -> None:
    """What one forgets is closed."""
    client = TestClient(sdk_build(ISSUER.verifier()), base_url="https://todo.example")
    assert client.get("/internal").status_code == 401
    assert client.get("/internal", headers=bearer(ISSUER.token(scopes=["todo:read"]))).text == "well"


def test_a_browser_gets_through_cors_outside(build: Build) -> None:
    """MCP clients that are pages; a preflight request has no token (Fetch §3.2.2)."""
    inner = build(ISSUER.verifier())
    app = CORSMiddleware(inner, allow_origins=["https://app.example"], allow_methods=["*"], allow_headers=["*"])
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    assert TestClient(app, base_url="https://todo.example").options("/mcp", headers=asked).status_code == 200
