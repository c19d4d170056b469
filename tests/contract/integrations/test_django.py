"""What only the Django integration has: sync and async views on either kind of server, classes, the cache, CSRF."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from jotary.integrations.django import JotarySecurity, principal
from jotary.testing import TestIssuer

ISSUER = TestIssuer()

Project = Callable[[Sequence[URLPattern]], ASGIApp]


@pytest.fixture
def security() -> JotarySecurity:
    """For the API of the issuer's tokens."""
    return JotarySecurity(ISSUER.verifier())


def bearer(*scopes: str, sub: str = "ada") -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token(sub, scopes=scopes)}"}


def whoami(request: HttpRequest) -> HttpResponse:
    """Say who is there."""
    return HttpResponse(principal(request).subject)


async def whoami_async(request: HttpRequest) -> HttpResponse:
    """The same on the event loop."""
    return HttpResponse(principal(request).subject)


class Tasks(View):  # type: ignore[misc]  # Django brings no types
    """A class of views."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say who is there."""
        return whoami(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Say who is there."""
        return whoami(request)


class AsyncTasks(View):  # type: ignore[misc]  # Django brings no types
    """The same on the event loop."""

    async def get(self, request: HttpRequest) -> HttpResponse:
        """Say who is there."""
        return await whoami_async(request)

    async def post(self, request: HttpRequest) -> HttpResponse:
        """Say who is there."""
        return await whoami_async(request)


VIEWS = {"def": whoami, "async def": whoami_async, "class": Tasks.as_view(), "async class": AsyncTasks.as_view()}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_every_kind_of_view_can_be_protected(security: JotarySecurity, project: Project, view: Any) -> None:
    """On either kind of server; POST too, though the project has Django's guard against CSRF."""
    client = TestClient(project([path("", security.require("a")(view))]))
    for method in ("GET", "POST"):
        statuses = [client.request(method, "/", headers=headers).status_code for headers in ({}, bearer("b"))]
        assert statuses == [401, 403]
        assert client.request(method, "/", headers=bearer("a")).text == "ada"


def test_dispatch_can_be_decorated(security: JotarySecurity, project: Project) -> None:
    """Django's way for a class, with `method_decorator`."""
    decorated = method_decorator(security.require("a"), name="dispatch")(type("Decorated", (Tasks,), {}))
    client = TestClient(project([path("", decorated.as_view())]))
    assert client.post("/", headers=bearer("a")).text == "ada"
    assert client.get("/").status_code == 401


def test_dispatch_of_an_async_class_can_be_decorated(security: JotarySecurity, project: Project) -> None:
    """It is a `def` that returns what its handlers do: both the answer and the refusal are to be awaited."""
    decorated = method_decorator(security.require("a"), name="dispatch")(type("Decorated", (AsyncTasks,), {}))
    client = TestClient(project([path("", decorated.as_view())]))
    assert client.post("/", headers=bearer("a")).text == "ada"
    assert [client.get("/", headers=headers).status_code for headers in ({}, bearer("b"))] == [401, 403]
    assert client.put("/", headers=bearer("a")).status_code == 405


def test_a_class_is_not_a_view_function(security: JotarySecurity) -> None:
    """It would be called with a request, and make a view of it."""
    with pytest.raises(TypeError, match="as_view"):
        security.require("a")(Tasks)


def test_a_view_gets_its_arguments(security: JotarySecurity, project: Project) -> None:
    """Those of the path."""

    @security.require("a")
    def task(request: HttpRequest, number: int) -> HttpResponse:
        return HttpResponse(f"{number} of {principal(request).subject}")

    assert TestClient(project([path("<int:number>", task)])).get("/7", headers=bearer("a")).text == "7 of ada"
    assert task.__name__ == "task"


def test_an_unprotected_view_has_no_caller(project: Project) -> None:
    """Forgetting the decorator must not look like an anonymous caller."""
    client = TestClient(project([path("", whoami)]), raise_server_exceptions=False)
    assert client.get("/", headers=bearer("a")).status_code == 500
    with pytest.raises(RuntimeError, match="protect its view"):
        principal(RequestFactory().get("/", headers={"jotary_principal": "ada"}))


def test_djangos_cache_does_not_mix_callers(security: JotarySecurity, project: Project) -> None:
    """RFC 9111 §4.1: it stands before the view, and asks nobody for a token."""
    cache.clear()
    view = cache_page(60)(security.require("a")(whoami))
    client = TestClient(project([path("", view)]))
    assert client.get("/", headers=bearer("a")).text == "ada"
    assert client.get("/").status_code == 401
    assert client.get("/", headers=bearer("a", sub="eve")).text == "eve"


@pytest.mark.parametrize("headers", [{}, bearer("a")], ids=["refused", "let in"])
def test_an_answer_varies_by_token(security: JotarySecurity, headers: dict[str, str]) -> None:
    """RFC 9111 §4.1: for caches other than Django's own, which knows of the header by itself."""
    response = security.require("a")(whoami)(RequestFactory().get("/", headers=headers))
    assert response["Vary"] == "Authorization"


def test_text_that_no_server_would_pass_on_is_no_token(security: JotarySecurity) -> None:
    """Django's own test client puts any text into META."""
    request = RequestFactory().get("/", headers={"Authorization": "Bearer \u20ac"})
    assert security.require("a")(whoami)(request).status_code == 400


def test_the_metadata_can_only_be_read(security: JotarySecurity) -> None:
    """RFC 9728 §3.1: with GET."""
    (metadata,) = security.urls()
    requests = RequestFactory()
    assert [metadata.callback(make("/")).status_code for make in (requests.get, requests.head, requests.post)] == [
        200,
        200,
        405,
    ]


def test_a_scope_that_cannot_be_is_refused_at_start(security: JotarySecurity) -> None:
    """RFC 6749 §3.3: rather than closing the view for ever."""
    with pytest.raises(ValueError, match="scope value"):
        security.require("todo:read todo:write")


def test_a_resource_that_is_no_url_has_no_metadata() -> None:
    """RFC 9728 §1.2."""
    assert JotarySecurity(ISSUER.verifier(audience="todo-api")).urls() == []
