"""The code on the pages of docs/protect/, run as it stands there: what it promises, and the test that it shows."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx2
import pytest
from django.test import RequestFactory
from litestar.testing import TestClient as LitestarTestClient
from starlette.testclient import TestClient

from jotary.testing import TestIssuer
from jotary.verifier.fetch import Fetched, FetchError

PAGES = Path(__file__).parents[2] / "docs" / "protect"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
ISSUER = TestIssuer("https://id.example.com", audience="https://todo.example.com")
MCP = "https://mcp.example.com"
START = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}

#: Pages whose framework answers `GET /tasks`, with what makes a client of their names.
CLIENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "fastapi": lambda names: TestClient(names["app"]),
    "starlette": lambda names: TestClient(names["app"]),
    "flask": lambda names: names["app"].test_client(),
    "litestar": lambda names: LitestarTestClient(names["app"]),
}
Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the blocks of a page. The keys that it would fetch over the network are those of a test issuer."""
    monkeypatch.setattr("jotary.verifier.verifier.fetch_keys", lambda *_: Fetched(keys=ISSUER.keys, max_age=None))

    def run(name: str) -> dict[str, Any]:
        path = PAGES / f"{name}.md"
        module = ModuleType("example")
        monkeypatch.setitem(sys.modules, "example", module)  # where Litestar looks for the names of annotations
        for code in BLOCK.findall(path.read_text(encoding="utf-8")):
            exec(compile(code, str(path), "exec"), module.__dict__)  # noqa: S102 -- our own documentation
        return module.__dict__

    return run


def bearer(*scopes: str, **claims: Any) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes, **claims)}"}


def test_every_page_is_tested_here() -> None:
    """A page that is added is added here too, and to the table of the hub."""
    tested = {*CLIENTS, "django", "rest-framework", "mcp", "fastmcp", "httpx"}
    assert {path.stem for path in PAGES.glob("*.md")} == tested
    hub = (PAGES.parent / "protect-an-api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(protect/([a-z-]+)\.md\)", hub)) == tested


@pytest.mark.parametrize("page", sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "httpx"))
def test_the_test_on_the_page_passes(
    run: Run,
    page: str,
    jotary_issuer: TestIssuer,
    jotary_token: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a reader would copy it."""
    run(page)["test_tasks"](jotary_issuer, jotary_token, monkeypatch)


@pytest.mark.parametrize("page", CLIENTS)
def test_the_page_protects(run: Run, page: str) -> None:
    """Each row of its table, and the metadata document."""
    client = CLIENTS[page](run(page))
    assert client.get("/tasks", headers=bearer("todo:read")).status_code == 200
    assert client.get("/tasks", headers=bearer()).status_code == 403
    assert client.get("/tasks", headers=bearer("todo:read", lifetime=-60)).status_code == 401
    assert client.get("/tasks", headers={"Authorization": "Bearer a b"}).status_code == 400
    refusal = client.get("/tasks")
    assert refusal.status_code == 401
    assert refusal.headers["WWW-Authenticate"] == (
        'Bearer scope="todo:read", resource_metadata="https://todo.example.com/.well-known/oauth-protected-resource"'
    )
    assert client.get("/.well-known/oauth-protected-resource").status_code == 200


@pytest.mark.parametrize("page", CLIENTS)
def test_without_keys_the_page_answers_503(run: Run, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last row of its table."""

    def down(*_: object) -> Fetched:
        raise FetchError("down")

    monkeypatch.setattr("jotary.verifier.verifier.fetch_keys", down)
    client = CLIENTS[page](run(page))
    response = client.get("/tasks", headers=bearer("todo:read"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("page", ["mcp", "fastmcp"])
def test_the_pages_of_mcp_protect(run: Run, page: str) -> None:
    """Let in, refused, described."""
    audience = f"{MCP}/mcp"
    accept = {"Accept": "application/json, text/event-stream"}
    with TestClient(run(page)["app"], base_url=MCP) as client:
        cases: list[dict[str, str]] = [{}, bearer("todo:read"), bearer(aud=audience), bearer("todo:read", aud=audience)]
        statuses = [client.post("/mcp", json=START, headers={**accept, **headers}).status_code for headers in cases]
        document = client.get("/.well-known/oauth-protected-resource/mcp").json()
    assert statuses == [401, 401, 403, 200]
    assert (document["resource"], document["authorization_servers"]) == (audience, ["https://id.example.com"])
    assert document["scopes_supported"] == ["todo:read", "todo:write"]


def test_the_page_of_httpx_calls(run: Run) -> None:
    """With the header, and at no other place."""
    names = run("httpx")
    auth = names["auth"]
    with pytest.raises(ValueError, match="another origin"), httpx2.Client() as client:
        client.get("https://other.example.com/tasks", auth=auth)
    assert str(names["client"].base_url) == "https://todo.example.com"
    assert callable(names["tasks_of"])


def test_what_else_the_page_of_fastapi_promises(run: Run) -> None:
    """OpenAPI, and the button of Swagger UI."""
    client = TestClient(run("fastapi")["app"])
    assert client.get("/tasks", headers=bearer("todo:read")).json() == ["a task of ada"]
    assert client.get("/openapi.json").json()["paths"]["/tasks"]["get"]["security"] == [{"OAuth2": ["todo:read"]}]
    assert "todo-swagger" in client.get("/docs").text


def test_what_else_the_page_of_starlette_promises(run: Run) -> None:
    """A mount, and CORS outside."""
    client = TestClient(run("starlette")["app"])
    assert client.get("/admin/statistics", headers=bearer("todo:admin")).json() == {"asked by": "client-1"}
    assert client.get("/admin/statistics", headers=bearer("todo:read")).status_code == 403
    preflight = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    assert client.options("/tasks", headers=preflight).status_code == 200


def test_what_else_the_page_of_litestar_promises(run: Run) -> None:
    """OpenAPI."""
    schema = LitestarTestClient(run("litestar")["app"]).get("/schema/openapi.json").json()
    assert schema["paths"]["/tasks"]["get"]["security"] == [{"OAuth2": ["todo:read"]}]


def test_what_else_the_pages_of_django_promise(run: Run) -> None:
    """A sync and an async view, a class, and the metadata."""
    views = {str(url.pattern): url.callback for url in run("django")["urlpatterns"]}
    request = RequestFactory()
    assert b"a task of ada" in views["tasks"](request.get("/tasks", headers=bearer("todo:read"))).content
    assert views["tasks"](request.get("/tasks", headers=bearer("todo:admin"))).status_code == 403
    answer = asyncio.run(views["statistics"](request.get("/statistics", headers=bearer("todo:admin"))))
    assert b"client-1" in answer.content
    assert views[".well-known/oauth-protected-resource"](request.get("/")).status_code == 200
    views = {str(url.pattern): url.callback for url in run("rest-framework")["urlpatterns"]}
    assert views[".well-known/oauth-protected-resource"](request.get("/")).status_code == 200
    view = views["tasks"]
    assert view(request.get("/", headers=bearer("todo:read"))).data == ["a task of ada"]
    assert [view(request.get("/", headers=headers)).status_code for headers in ({}, bearer())] == [401, 403]
