"""RFC 9728: what an API publishes about itself."""

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from jotary.integrations.starlette import JotarySecurity
from jotary.testing import TestIssuer

ISSUER = TestIssuer("https://id.example.com", audience="https://todo.example.com")


def client(security: JotarySecurity) -> TestClient:
    """An API with its metadata, and one resource."""
    endpoint = security.require("todo:read")(lambda _: Response())
    return TestClient(Starlette(routes=[*security.routes(), Route("/{path:path}", endpoint, name="all")]))


def test_the_document_has_the_members_of_section_2() -> None:
    """§2, §3.2: those without a value are left out."""
    security = JotarySecurity(
        ISSUER.verifier(),
        scopes={"todo:read": "Read your tasks", "todo:write": "Change your tasks"},
        name="ToDo",
        documentation="https://todo.example.com/docs",
    )
    response = client(security).get("/.well-known/oauth-protected-resource")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {
        "resource": "https://todo.example.com",
        "authorization_servers": ["https://id.example.com"],
        "scopes_supported": ["todo:read", "todo:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "ToDo",
        "resource_documentation": "https://todo.example.com/docs",
    }
    bare = JotarySecurity(ISSUER.verifier())
    assert set(bare.metadata()) == {"resource", "authorization_servers", "bearer_methods_supported"}


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("https://todo.example.com", "/.well-known/oauth-protected-resource"),
        ("https://todo.example.com/v1", "/.well-known/oauth-protected-resource/v1"),
        ("https://todo.example.com/v1/tasks", "/.well-known/oauth-protected-resource/v1/tasks"),
    ],
)
def test_the_document_stands_where_its_resource_says(resource: str, path: str) -> None:
    """§3.1: the well-known part goes before the path; §3.3: `resource` is what the URL was made from, to the letter."""
    security = JotarySecurity(ISSUER.verifier(), resource=resource)
    response = client(security).get(path)
    assert (response.status_code, response.json()["resource"]) == (200, resource)


def test_it_stands_nowhere_else() -> None:
    """§3.3: a client would have to refuse a document whose resource does not fit its URL."""
    security = JotarySecurity(ISSUER.verifier(), resource="https://todo.example.com/v1")
    for path in ("", "/v2", "/v1/x"):
        assert client(security).get(f"/.well-known/oauth-protected-resource{path}").status_code == 401


def test_a_challenge_leads_to_the_document() -> None:
    """§5.1: for a request without a token, with a bad one and with a poor one."""
    security = JotarySecurity(ISSUER.verifier(), resource="https://todo.example.com/v1")
    expected = 'resource_metadata="https://todo.example.com/.well-known/oauth-protected-resource/v1"'
    for token in (None, "garbage", ISSUER.token()):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = client(security).get("/v1/tasks", headers=headers)
        assert expected in response.headers["WWW-Authenticate"]


def test_following_the_challenge_finds_the_issuer() -> None:
    """§5.2, §5.3: from a refusal to the authorization server, knowing nothing but the API."""
    security = JotarySecurity(ISSUER.verifier())
    api = client(security)
    challenge = api.get("/tasks").headers["WWW-Authenticate"]
    url = challenge.partition('resource_metadata="')[2].partition('"')[0]
    document = api.get(url.removeprefix("https://todo.example.com")).json()
    assert document["authorization_servers"] == [ISSUER.issuer]
