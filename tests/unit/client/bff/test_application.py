"""The BFF around applications of any kind: lifespan, WebSockets, options, security headers."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from jotary.client.bff import BFF, SecurityHeaders
from jotary.jose import Key
from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

OPTIONS: dict[str, Any] = {
    "issuer": "https://id.example",
    "client_id": "todo-web",
    "secret": b"s" * 32,
    "base_url": "https://app.example",
    "proxy": {"/api": "https://api.example"},
}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that takes WebSockets."""
    socket = WebSocket(scope, receive, send)
    await socket.accept()
    await socket.send_text(scope["path"])
    await socket.close()


def test_the_lifespan_of_the_application_runs() -> None:
    """Starlette, FastAPI and the like start and stop as if they stood alone."""
    events: list[str] = []

    class Lifespan:
        def __init__(self, _app: Starlette) -> None:
            pass

        async def __aenter__(self) -> dict[str, str]:
            events.append("started")
            return {"pool": "p"}

        async def __aexit__(self, *_error: object) -> None:
            events.append("stopped")

    async def page(request: Any) -> PlainTextResponse:
        return PlainTextResponse(request.state.pool)

    app = Starlette(routes=[Route("/", page)], lifespan=Lifespan)
    with TestClient(BFF(app, **OPTIONS)) as client:
        assert events == ["started"]
        assert client.get("/").text == "p"
    assert events == ["started", "stopped"]


def test_an_application_without_a_lifespan_is_served(tmp_path: Path) -> None:
    """StaticFiles knows none, and raises."""
    (tmp_path / "app.js").write_text("ok")
    with TestClient(BFF(StaticFiles(directory=tmp_path), **OPTIONS)) as client:
        assert client.get("/app.js").text == "ok"
        assert client.get("/auth/me").status_code == 401


def test_an_application_that_takes_the_lifespan_for_a_request_is_served() -> None:
    """A bare answer is an ASGI application as well."""
    with TestClient(BFF(PlainTextResponse("page"), **OPTIONS)) as client:
        assert client.get("/").text == "page"


def test_an_application_that_cannot_start_does_not_start() -> None:
    """Its error is not mistaken for the lack of a lifespan."""

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"), TestClient(BFF(app, **OPTIONS)):
        pass


@pytest.mark.anyio
async def test_connections_are_closed_at_the_end_and_opened_again_when_needed(world: "World") -> None:
    """Nothing is opened before the first request, and nothing is left behind."""
    assert world.bff._to_issuer._opened is None
    assert world.bff._to_apis._opened is None
    browser = await world.signed_in()
    await browser.fetch("/api/todos")
    await world.bff.aclose()
    assert world.bff._to_issuer._opened is None
    assert world.bff._to_apis._opened is None
    assert (await browser.fetch("/api/todos")).status_code == 200


@pytest.mark.anyio
async def test_closing_waits_for_a_refresh_that_is_under_way(world: "World") -> None:
    """The issuer counts it: its outcome must not be lost with the process."""
    browser = await world.signed_in()
    world.clock.advance(250)
    gate = world.network.hold("https://id.example/token")
    call = asyncio.create_task(browser.fetch("/api/todos"))
    await gate.arrived.wait()
    closing = asyncio.create_task(world.bff.aclose())
    done, _ = await asyncio.wait([closing], timeout=0.05)
    assert done == set()
    gate.go_on.set()
    await closing
    assert (await call).status_code == 200


@pytest.mark.parametrize("app", [echo, StaticFiles(directory=Path(__file__).parent)])
@pytest.mark.parametrize("path", ["/api/live", "/auth/me"])
def test_a_websocket_is_not_passed_on(app: ASGIApp, path: str) -> None:
    """It would outlive its access token, and browsers open it across sites without asking."""
    client = TestClient(BFF(app, **OPTIONS))
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(path):
        pass
    assert refused.value.status_code == 501
    assert refused.value.json()["detail"] == "WebSockets are not passed on."


@pytest.mark.anyio
async def test_a_websocket_is_closed_by_servers_that_cannot_answer_it() -> None:
    """ASGI: without the denial extension, closing before accepting makes it a 403."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/api/live", "raw_path": b"/api/live", "headers": [], "query_string": b""}
    await BFF(echo, **OPTIONS)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_applications_own_websockets_are_its_own() -> None:
    """Elsewhere than below a prefix."""
    with TestClient(BFF(echo, **OPTIONS)).websocket_connect("/live") as socket:
        assert socket.receive_text() == "/live"
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()


def test_a_server_that_gives_no_raw_path_is_served() -> None:
    """ASGI makes raw_path optional."""

    async def without(scope: Any, receive: Any, send: Any) -> None:
        scope = {name: value for name, value in scope.items() if name != "raw_path"}
        await BFF(echo, **OPTIONS)(scope, receive, send)

    assert TestClient(without).get("/auth/me").status_code == 401
    assert TestClient(without).get("/api/todos").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": b"short"},
        {"secret": []},
        {"base_url": "http://app.example"},
        {"base_url": "https://app.example/app"},
        {"base_url": "https://app.example?x"},
        {"base_url": "https://app.example#x"},
        {"base_url": "https://user@app.example"},
        {"base_url": "app.example"},
        {"base_url": "https://b\u00fccher.example"},
        {"base_url": "https://app example"},
        {"base_url": "https://app.example:"},
        {"base_url": "https://app.example\\@evil.example"},
        {"issuer": "http://id.example"},
        {"issuer": "https://id.example?x"},
        {"scopes": ["profile"]},
        {"scopes": "openid"},
        {"proxy": {"/": "https://api.example"}},
        {"proxy": {"": "https://api.example"}},
        {"proxy": {"api": "https://api.example"}},
        {"proxy": {"/api/": "https://api.example"}},
        {"proxy": {"/auth": "https://api.example"}},
        {"proxy": {"/auth/api": "https://api.example"}},
        {"proxy": {"/a%70i": "https://api.example"}},
        {"proxy": {"/api/../x": "https://api.example"}},
        {"proxy": {"/api": "http://api.example"}},
        {"proxy": {"/api": "https://user:pw@api.example"}},
        {"proxy": {"/api": "https://api.example?x"}},
        {"proxy": {"/api": "https://api.example#x"}},
        {"proxy": {"/api": "https://api.example?"}},
        {"proxy": {"/api": "https://api.example#"}},
        {"proxy": {"/api": "ftp://api.example"}},
        {"session_lifetime": 0},
        {"max_body_size": -1},
        {"signed_out_path": "//evil.example"},
        {"signed_out_path": "/\\evil.example"},
        {"signed_out_path": "https://evil.example"},
        {"signed_out_path": "/\t/evil.example"},
        {"signed_out_path": "/%5cevil.example"},
        {"signed_out_path": "/tsch\u00fcss"},
        {"signed_out_path": "/a b"},
        {"signed_out_path": "/auth/logout"},
        {"signed_out_path": "bye"},
        {"client_secret": "x", "client_key": Key.generate("ES256")},
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    """Before the first person is signed in, with what to change."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        BFF(echo, **{**OPTIONS, **wrong})


@pytest.mark.parametrize("wrong", [{"resource": "todo"}, {"scopes": ["openid", 'a"b']}])
def test_a_scope_or_resource_that_no_issuer_takes_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    """RFC 6749 §3.3, RFC 8707 §2."""
    with pytest.raises(OAuthError):
        BFF(echo, **{**OPTIONS, **wrong})


@pytest.mark.parametrize(
    "right",
    [
        {"base_url": "https://app.example/"},
        {"base_url": "http://localhost:8003"},
        {"base_url": "http://[::1]:8003"},
        {"signed_out_path": "/auth/login"},
        {"signed_out_path": "/bye?from=app#x"},
        {"client_secret": Secret("x")},
        {"client_key": Key.generate("ES256")},
        {"proxy": {"/api": "http://127.0.0.1:8002"}},
        {"proxy": {"/api": "http://todo-api:8002"}, "allow_cleartext_upstreams": True},
        {"secret": [b"n" * 32, b"o" * 32]},
        {"proxy": {"/authors": "https://api.example"}},
        {"resource": "https://a.example"},
        {"resource": ["https://a.example", "urn:b"]},
        {"max_body_size": 0},
    ],
)
def test_what_makes_sense_is_taken(right: dict[str, Any]) -> None:
    """Development on loopback, keys instead of secrets, APIs on a private network when asked for."""
    BFF(echo, **{**OPTIONS, **right})


def test_security_headers_are_added_where_the_application_has_none() -> None:
    """Its own word stands."""

    async def page(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("ok", headers={"Referrer-Policy": "no-referrer"})

    app = SecurityHeaders(
        Starlette(routes=[Route("/", page)]),
        headers={"Strict-Transport-Security": "max-age=63072000", "X-Frame-Options": ""},
    )
    headers = TestClient(app).get("/").headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"] == "max-age=63072000"
    assert headers["x-content-type-options"] == "nosniff"
    assert "x-frame-options" not in headers


def test_security_headers_leave_other_protocols_alone() -> None:
    """WebSockets and lifespans pass."""
    with TestClient(SecurityHeaders(echo)).websocket_connect("/live") as socket:
        assert socket.receive_text() == "/live"


def test_the_addresses_that_the_issuer_must_know_follow_from_the_settings() -> None:
    """Byte for byte (RFC 9700 §4.1.3), the origin as browsers write it (RFC 6454 §6.1)."""
    settings = BFF(echo, **{**OPTIONS, "base_url": "https://App.Example/", "signed_out_path": "/bye"})._settings
    assert settings.redirect_uri == "https://app.example/auth/callback"
    assert settings.post_logout_redirect_uri == "https://app.example/bye"


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:80/", "http://localhost"),
        ("https://app.example:4443", "https://app.example:4443"),
        ("https://app.example:80", "https://app.example:80"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_the_origin_is_written_as_browsers_write_it(base_url: str, origin: str) -> None:
    """RFC 6454 §6.1: without the port that the scheme implies, or the browser's Origin is another one."""
    assert BFF(echo, **{**OPTIONS, "base_url": base_url})._settings.origin == origin
