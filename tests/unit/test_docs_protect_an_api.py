"""The code on docs/protect-an-api.md, run as it stands there and asked for what the page promises."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import RequestFactory
from litestar.testing import TestClient as LitestarTestClient
from starlette.testclient import TestClient

from jotary.testing import TestIssuer
from jotary.verifier.fetch import Fetched, FetchError

PAGE = Path(__file__).parents[2] / "docs" / "protect-an-api.md"
SECTIONS = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
ISSUER = TestIssuer("https://id.example.com", audience="https://todo.example.com")

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the one block of a section. The keys that it would fetch over the network are those of a test issuer."""
    monkeypatch.setattr("jotary.verifier.verifier.fetch_keys", lambda *_: Fetched(keys=ISSUER.keys, max_age=None))

    def run(title: str) -> dict[str, Any]:
        sections = {match["title"]: match["text"] for match in SECTIONS.finditer(PAGE.read_text(encoding="utf-8"))}
        (code,) = BLOCK.findall(sections[title])
        module = ModuleType("example")
        monkeypatch.setitem(sys.modules, "example", module)  # where Litestar looks for the names of annotations
        exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102 -- our own documentation
        return module.__dict__

    return run


def bearer(*scopes: str) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes)}"}


def test_the_fastapi_example(run: Run) -> None:
    """Let in, refused, described."""
    client = TestClient(run("FastAPI")["app"])
    assert client.get("/tasks", headers=bearer("todo:read")).json() == ["a task of ada"]
    assert client.get("/tasks", headers=bearer()).json()["error"] == "insufficient_scope"
    assert client.get("/tasks").status_code == 401
    assert client.get("/.well-known/oauth-protected-resource").json()["scopes_supported"] == ["todo:read"]
    assert client.get("/openapi.json").json()["paths"]["/tasks"]["get"]["security"] == [{"OAuth2": ["todo:read"]}]
    assert "todo-swagger" in client.get("/docs").text


def test_the_starlette_example(run: Run) -> None:
    """An endpoint, a mount, the metadata, and CORS outside of them."""
    client = TestClient(run("Starlette, and any ASGI application")["app"])
    assert client.get("/tasks", headers=bearer("todo:read")).json() == ["a task of ada"]
    assert client.get("/admin/statistics", headers=bearer("todo:admin")).json() == {"asked by": "client-1"}
    assert client.get("/admin/statistics", headers=bearer("todo:read")).status_code == 403
    assert client.get("/tasks").status_code == 401
    assert client.get("/.well-known/oauth-protected-resource").status_code == 200
    preflight = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "GET"}
    assert client.options("/tasks", headers=preflight).status_code == 200


def test_the_flask_example(run: Run) -> None:
    """Let in, refused, described."""
    client = run("Flask")["app"].test_client()
    assert client.get("/tasks", headers=bearer("todo:read")).get_json() == ["a task of ada"]
    assert client.get("/tasks", headers=bearer()).get_json()["error"] == "insufficient_scope"
    assert client.get("/tasks").status_code == 401
    assert client.get("/.well-known/oauth-protected-resource").status_code == 200


def test_the_django_example(run: Run) -> None:
    """A sync and an async view, and the metadata."""
    views = {str(url.pattern): url.callback for url in run("Django")["urlpatterns"]}
    request = RequestFactory()
    assert b"a task of ada" in views["tasks"](request.get("/tasks", headers=bearer("todo:read"))).content
    assert views["tasks"](request.get("/tasks", headers=bearer("todo:admin"))).status_code == 403
    answer = asyncio.run(views["statistics"](request.get("/statistics", headers=bearer("todo:admin"))))
    assert b"client-1" in answer.content
    assert views[".well-known/oauth-protected-resource"](request.get("/")).status_code == 200


def test_the_example_of_django_rest_framework(run: Run) -> None:
    """Let in, asked for a token, refused."""
    view = run("Django REST framework")["Tasks"].as_view()
    request = RequestFactory()
    assert view(request.get("/", headers=bearer("todo:read"))).data == ["a task of ada"]
    assert [view(request.get("/", headers=headers)).status_code for headers in ({}, bearer())] == [401, 403]


def test_the_litestar_example(run: Run) -> None:
    """Let in, refused, described."""
    client = LitestarTestClient(run("Litestar")["app"])
    assert client.get("/tasks", headers=bearer("todo:read")).json() == ["a task of ada"]
    assert client.get("/tasks", headers=bearer()).json()["error"] == "insufficient_scope"
    schema = client.get("/schema/openapi.json").json()
    assert schema["paths"]["/tasks"]["get"]["security"] == [{"OAuth2": ["todo:read"]}]


def test_the_example_without_a_framework(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its three answers."""
    names = run("Without a framework")
    assert names["who"](ISSUER.token("ada")).subject == "ada"
    assert names["who"](ISSUER.token(lifetime=-60)).startswith("401, because of exp: ")
    assert asyncio.run(names["verifier"].averify(ISSUER.token("eve"))).subject == "eve"

    down = FetchError("down")
    monkeypatch.setattr("jotary.verifier.verifier.fetch_keys", Mock(side_effect=down))
    assert run("Without a framework")["who"](ISSUER.token()) == "503, try again in 1 seconds"


def test_the_example_of_another_policy(run: Run) -> None:
    """It is accepted."""
    verifier = run("Keys, and outages of the issuer")["verifier"]
    assert verifier.verify(ISSUER.token("ada")).subject == "ada"


def test_the_example_of_tests(run: Run) -> None:
    """Its assertions are the test."""
    assert run("Test your API")["issuer"].audience == "https://todo.example.com"
