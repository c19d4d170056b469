"""What only the Starlette integration has: decorators, whole applications, WebSockets."""

import functools
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from jotary.integrations.starlette import JotarySecurity, principal
from jotary.testing import TestIssuer

ISSUER = TestIssuer()


@pytest.fixture
def security() -> JotarySecurity:
    """For the API of the issuer's tokens."""
    return JotarySecurity(ISSUER.verifier())


def bearer(*scopes: str) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes)}"}


async def whoami(websocket: WebSocket) -> None:
    """Say who is there."""
    await websocket.accept()
    await websocket.send_text(principal(websocket).subject)
    await websocket.close()


def test_an_endpoint_keeps_its_name(security: JotarySecurity) -> None:
    """Starlette derives the route's name from it."""

    @security.require("a")
    async def tasks(request: Request) -> Response:
        return PlainTextResponse(principal(request).subject)

    app = Starlette(routes=[Route("/tasks", tasks)])
    assert app.url_path_for("tasks") == "/tasks"
    assert TestClient(app).get("/tasks", headers=bearer("a")).text == "ada"


def test_methods_and_partial_functions_can_be_protected(security: JotarySecurity) -> None:
    """Whatever Starlette takes for an endpoint function."""

    class Tasks:
        def read(self, request: Request) -> Response:
            return PlainTextResponse(principal(request).subject)

    async def greet(request: Request, word: str) -> Response:
        return PlainTextResponse(f"{word} {principal(request).subject}")

    partial = functools.partial(greet, word="hello")
    routes = [
        Route("/method", security.require("a")(Tasks().read)),
        Route("/partial", security.require("a")(partial), name="partial"),
    ]
    client = TestClient(Starlette(routes=routes))
    assert client.get("/method", headers=bearer("a")).text == "ada"
    assert client.get("/partial", headers=bearer("a")).text == "hello ada"
    assert client.get("/partial").status_code == 401


def test_a_class_is_not_an_endpoint_function(security: JotarySecurity) -> None:
    """It would be called with a request, and protect nothing."""
    unsafe: Any = HTTPEndpoint
    with pytest.raises(TypeError, match="protect"):
        security.require("a")(unsafe)


def test_an_endpoint_class_can_be_wrapped(security: JotarySecurity) -> None:
    """With `protect`, all of its methods."""

    class Tasks(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return PlainTextResponse(principal(request).subject)

    client = TestClient(Starlette(routes=[Route("/tasks", security.protect(Tasks, "a"))]))
    assert client.get("/tasks", headers=bearer("a")).text == "ada"
    assert client.get("/tasks", headers=bearer("b")).status_code == 403
    assert client.options("/tasks").status_code == 401


def test_an_unprotected_route_has_no_caller() -> None:
    """Forgetting the decorator must not look like an anonymous caller."""

    async def open_to_all(request: Request) -> Response:
        return JSONResponse({"subject": principal(request).subject})

    client = TestClient(Starlette(routes=[Route("/", open_to_all)]))
    with pytest.raises(RuntimeError, match="protect its route"):
        client.get("/", headers=bearer("a"))


def test_a_caller_cannot_be_passed_in(security: JotarySecurity) -> None:
    """A protected route inside of a protected application checks anew, with its own scopes."""

    @security.require("b")
    async def inner(request: Request) -> Response:
        return PlainTextResponse(principal(request).subject)

    app = Starlette(routes=[Route("/", inner)], middleware=[Middleware(security.protect, "a")])
    client = TestClient(app)
    assert [client.get("/", headers=bearer(*scopes)).status_code for scopes in (["a"], ["b"], ["a", "b"])] == [
        403,
        403,
        200,
    ]


def test_a_websocket_is_protected(security: JotarySecurity) -> None:
    """An application behind `protect` has no side entrance."""
    app = security.protect(Starlette(routes=[WebSocketRoute("/", whoami)]), "a")
    with TestClient(app).websocket_connect("/", headers=bearer("a")) as session:
        assert session.receive_text() == "ada"
    for headers, status in (({}, 401), (bearer("b"), 403)):
        with pytest.raises(WebSocketDenialResponse) as caught, TestClient(app).websocket_connect("/", headers=headers):
            pass
        assert caught.value.status_code == status
        assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_websocket_is_closed_where_the_server_can_say_no_more(security: JotarySecurity) -> None:
    """Without the ASGI extension for denials: closed before it is accepted, which becomes 403."""
    app = security.protect(Starlette(routes=[WebSocketRoute("/", whoami)]), "a")

    async def plain(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        await app({**scope, "extensions": {}}, receive, send)

    with pytest.raises(WebSocketDisconnect) as caught, TestClient(plain).websocket_connect("/"):
        pass
    assert caught.value.code == 1008


def test_start_and_shutdown_pass(security: JotarySecurity) -> None:
    """ASGI's lifespan has no headers to check."""
    events: list[str] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        events.append(scope["type"])
        await Starlette()(scope, receive, send)

    with TestClient(security.protect(app, "a")):
        pass
    assert events == ["lifespan"]


def test_a_scope_that_cannot_be_is_refused_at_start(security: JotarySecurity) -> None:
    """RFC 6749 §3.3: rather than closing the route for ever."""
    with pytest.raises(ValueError, match="scope value"):
        security.require("todo:read todo:write")
    with pytest.raises(ValueError, match="scope value"):
        security.protect(Starlette(), "")


def test_a_resource_that_is_no_url_has_no_metadata() -> None:
    """RFC 9728 §1.2; the challenge points nowhere then."""
    security = JotarySecurity(ISSUER.verifier(audience="todo-api"))
    assert security.routes() == []
    client = TestClient(Starlette(routes=[Route("/", security.require()(lambda _: Response()))]))
    assert client.get("/").headers["WWW-Authenticate"] == "Bearer"
