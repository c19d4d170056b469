"""What only the Litestar integration has: guards on every layer, the dependency, OpenAPI, WebSockets."""

from typing import Any

import pytest
from litestar import Controller, Litestar, Request, Response, WebSocket, get, websocket
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, WebSocketDisconnect
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.testing import TestClient

from jotary import Principal
from jotary.integrations.litestar import JotarySecurity
from jotary.testing import TestIssuer

ISSUER = TestIssuer("https://id.example.com", audience="https://todo.example.com")


@pytest.fixture
def security() -> JotarySecurity:
    """For the API of the issuer's tokens."""
    return JotarySecurity(ISSUER.verifier(), scopes={"todo:read": "Read your tasks"})


def bearer(*scopes: str) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes)}"}


@get("/")
async def whoami(principal: NamedDependency[Principal]) -> str:
    """Say who is there."""
    return principal.subject


def test_guards_of_all_layers_add_up(security: JotarySecurity) -> None:
    """Those of application, controller and handler."""

    class Tasks(Controller):
        guards = (security.require("b"),)

        @get("/", guards=[security.require("c")])
        async def read(self, principal: NamedDependency[Principal]) -> str:
            return principal.subject

    client = TestClient(Litestar([Tasks], guards=[security.require("a")], plugins=[security]))
    cases = [["a", "b"], ["b", "c"], ["a", "c"], ["a", "b", "c"]]
    assert [client.get("/", headers=bearer(*scopes)).status_code for scopes in cases] == [403, 403, 403, 200]


def test_openapi_shows_the_scopes_of_each_operation(security: JotarySecurity) -> None:
    """OpenAPI 3.1 §4.8.30."""

    @get(["/tasks", "/todo"], guards=[security.require("todo:read"), security.require("todo:admin")])
    async def tasks() -> None: ...

    @get("/any", guards=[security.require()])
    async def anybody() -> None: ...

    @get("/open")
    async def open_to_all() -> None: ...

    schema = Litestar([tasks, anybody, open_to_all], plugins=[security]).openapi_schema.to_schema()
    both = [{"OAuth2": ["todo:read", "todo:admin"]}]
    assert {path: item["get"].get("security", []) for path, item in schema["paths"].items()} == {
        "/tasks": both,
        "/todo": both,
        "/any": [{"OAuth2": []}],
        "/open": [],
    }


def test_openapi_says_where_to_sign_in(security: JotarySecurity) -> None:
    """OpenAPI 3.1 §4.8.29: the authorization code flow, with every scope that a guard requires."""
    security.require("todo:write")
    schema = Litestar([], plugins=[security]).openapi_schema.to_schema()
    assert schema["components"]["securitySchemes"]["OAuth2"] == {
        "type": "oauth2",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": "https://id.example.com/authorize",
                "tokenUrl": "https://id.example.com/token",
                "scopes": {"todo:read": "Read your tasks", "todo:write": ""},
            }
        },
    }


@pytest.mark.parametrize("as_list", [True, False])
def test_the_applications_own_schemes_stay(security: JotarySecurity, *, as_list: bool) -> None:
    """And the configuration that it passed is not changed."""
    own = Components(security_schemes={"Own": SecurityScheme(type="http", scheme="basic")})
    config = OpenAPIConfig("ToDo", "1", components=[own] if as_list else own)
    schema = Litestar([], plugins=[security], openapi_config=config).openapi_schema.to_schema()
    assert set(schema["components"]["securitySchemes"]) == {"Own", "OAuth2"}
    other = Litestar([], openapi_config=config).openapi_schema.to_schema()
    assert set(other["components"]["securitySchemes"]) == {"Own"}


def test_an_application_without_openapi_can_be_protected(security: JotarySecurity) -> None:
    """It is optional in Litestar."""
    app = Litestar([whoami], guards=[security.require("a")], plugins=[security], openapi_config=None)
    assert TestClient(app).get("/", headers=bearer("a")).text == "ada"


def test_the_endpoints_of_the_issuer_can_be_named() -> None:
    """For an issuer with other paths than jotary's."""
    security = JotarySecurity(
        ISSUER.verifier(), authorization_url="https://id.example.com/start", token_url="https://id.example.com/t"
    )
    schema = Litestar([], plugins=[security]).openapi_schema.to_schema()
    flow = schema["components"]["securitySchemes"]["OAuth2"]["flows"]["authorizationCode"]
    assert (flow["authorizationUrl"], flow["tokenUrl"]) == ("https://id.example.com/start", "https://id.example.com/t")


def test_an_applications_own_handler_does_not_change_refusals(security: JotarySecurity) -> None:
    """Many have one for HTTPException, or for a status."""

    def other(_: Request[Any, Any, Any], error: Exception) -> Response[str]:
        return Response(f"other {type(error).__name__}")

    handlers: Any = {HTTPException: other, 403: other}
    app = Litestar([whoami], guards=[security.require("a")], plugins=[security], exception_handlers=handlers)
    client = TestClient(app)
    assert client.get("/", headers=bearer("b")).json()["error"] == "insufficient_scope"
    assert client.get("/missing").text == "other NotFoundException"


def test_an_unprotected_handler_has_no_caller(security: JotarySecurity) -> None:
    """Forgetting the guard must not look like an anonymous caller."""
    client = TestClient(Litestar([whoami], plugins=[security]), raise_server_exceptions=False)
    assert client.get("/", headers=bearer("a")).status_code == 500


def test_a_websocket_is_protected(security: JotarySecurity) -> None:
    """The same guard, before the connection is accepted."""

    @websocket("/", guards=[security.require("a")])
    async def echo(socket: WebSocket[Any, Any, Any], principal: NamedDependency[Principal]) -> None:
        await socket.accept()
        await socket.send_text(principal.subject)
        await socket.close()

    client = TestClient(Litestar([echo], plugins=[security]))
    with client.websocket_connect("/", headers=bearer("a")) as session:
        assert session.receive_text() == "ada"
    for headers, reason in (({}, "no access token"), (bearer("b"), "insufficient_scope")):
        with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/", headers=headers):
            pass
        assert (caught.value.code, caught.value.detail) == (1008, reason)


def test_the_metadata_is_not_part_of_the_api(security: JotarySecurity) -> None:
    """It describes the API; OpenAPI needs no path for it, and there is none for a resource that is no URL."""
    app = Litestar([], plugins=[security])
    assert app.openapi_schema.to_schema().get("paths", {}) == {}
    assert TestClient(app).get("/.well-known/oauth-protected-resource").status_code == 200
    nameless = Litestar([], plugins=[JotarySecurity(ISSUER.verifier(audience="todo-api"))])
    assert TestClient(nameless).get("/.well-known/oauth-protected-resource").status_code == 404


def test_a_scope_that_cannot_be_is_refused_at_start(security: JotarySecurity) -> None:
    """RFC 6749 §3.3: rather than closing the handler for ever."""
    with pytest.raises(ValueError, match="scope value"):
        security.require("todo:read todo:write")
