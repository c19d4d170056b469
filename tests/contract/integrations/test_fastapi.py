"""What only the FastAPI integration has: dependencies, OpenAPI, sign-in from Swagger UI."""

import json
import re
from collections.abc import MutableMapping
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Security, WebSocket
from fastapi.dependencies.utils import get_dependant
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from starlette.responses import Response
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from jotary import Principal
from jotary.integrations.fastapi import JotarySecurity
from jotary.testing import TestIssuer

ISSUER = TestIssuer("https://id.example.com", audience="https://todo.example.com")


@pytest.fixture
def security() -> JotarySecurity:
    """For the API of the issuer's tokens."""
    return JotarySecurity(ISSUER.verifier(), scopes={"todo:read": "Read your tasks"})


def bearer(*scopes: str) -> dict[str, str]:
    """A good token with these scopes."""
    return {"Authorization": f"Bearer {ISSUER.token('ada', scopes=scopes)}"}


def operations(app: FastAPI) -> dict[str, list[dict[str, list[str]]]]:
    """What each path requires, as OpenAPI says it."""
    return {path: item["get"].get("security", []) for path, item in app.openapi()["paths"].items()}


def test_openapi_shows_the_scopes_of_each_operation(security: JotarySecurity) -> None:
    """OpenAPI 3.1 §4.8.30, the same for all ways of asking."""
    app = FastAPI()
    security.install(app)

    @app.get("/require", dependencies=[security.require("todo:read", "todo:admin")])
    async def require() -> None: ...

    @app.get("/depends", dependencies=[Depends(security.require("todo:read", "todo:admin"))])
    async def depends() -> None: ...

    @app.get("/security")
    async def secure(_: Annotated[Principal, Security(security, scopes=["todo:read", "todo:admin"])]) -> None: ...

    @app.get("/any")
    async def anybody(_: Annotated[Principal, Depends(security)]) -> None: ...

    @app.get("/open")
    async def open_to_all() -> None: ...

    both = [{"OAuth2": ["todo:read", "todo:admin"]}]
    assert operations(app) == {
        **dict.fromkeys(("/require", "/depends", "/security"), both),
        "/any": [{"OAuth2": []}],
        "/open": [],
    }


def test_openapi_says_where_to_sign_in(security: JotarySecurity) -> None:
    """OpenAPI 3.1 §4.8.29: the authorization code flow, with every scope that a route requires."""
    app = FastAPI()

    @app.get("/", dependencies=[Depends(security.require("todo:write"))])
    async def write() -> None: ...

    scheme = app.openapi()["components"]["securitySchemes"]["OAuth2"]
    assert scheme["type"] == "oauth2"
    assert scheme["flows"] == {
        "authorizationCode": {
            "authorizationUrl": "https://id.example.com/authorize",
            "tokenUrl": "https://id.example.com/token",
            "scopes": {"todo:read": "Read your tasks", "todo:write": ""},
        }
    }


def test_the_endpoints_of_the_issuer_can_be_named() -> None:
    """For an issuer with other paths than jotary's."""
    security = JotarySecurity(
        ISSUER.verifier(),
        authorization_url="https://id.example.com/oauth/start",
        token_url="https://id.example.com/oauth/t",
    )
    app = FastAPI()

    @app.get("/", dependencies=[Depends(security)])
    async def index() -> None: ...

    flow = app.openapi()["components"]["securitySchemes"]["OAuth2"]["flows"]["authorizationCode"]
    assert (flow["authorizationUrl"], flow["tokenUrl"]) == (
        "https://id.example.com/oauth/start",
        "https://id.example.com/oauth/t",
    )


def test_swagger_ui_signs_in_with_pkce_for_this_api(security: JotarySecurity) -> None:
    """RFC 7636, RFC 8707 §2: what the page hands to Swagger UI."""
    app = FastAPI(swagger_ui_init_oauth=security.swagger_ui_init_oauth("swagger"))
    page = TestClient(app).get("/docs").text
    (settings,) = re.findall(r"initOAuth\((.*)\)", page)
    assert json.loads(settings) == {
        "clientId": "swagger",
        "usePkceWithAuthorizationCodeGrant": True,
        "additionalQueryStringParams": {"resource": "https://todo.example.com"},
    }
    assert security.swagger_ui_init_oauth(None) is None


def test_the_same_scopes_are_the_same_dependency(security: JotarySecurity) -> None:
    """So that FastAPI resolves it once for a request, and a test can override it."""
    assert security.require("a", "b") is security.require("a", "b")
    assert security.require("a") is not security.require("b")
    app = FastAPI()

    @app.get("/")
    async def index(principal: Annotated[Principal, Depends(security.require("a"))]) -> str:
        return principal.subject

    fake = ISSUER.verifier().verify(ISSUER.token("fake"))
    app.dependency_overrides[security.require("a")] = lambda: fake
    assert TestClient(app).get("/").json() == "fake"


def test_what_require_returns_is_one_dependency(security: JotarySecurity) -> None:
    """FastAPI takes it as it is, and resolves nothing else for it."""
    app = FastAPI()
    requirement = security.require("a")

    @app.get("/")
    async def index(principal: Annotated[Principal, requirement]) -> str:
        return principal.subject

    (dependency,) = get_dependant(path="/", call=index).dependencies
    assert (dependency.call, dependency.dependencies) == (requirement.dependency, [])
    assert TestClient(app).get("/", headers=bearer("a")).json() == "ada"
    fake = ISSUER.verifier().verify(ISSUER.token("fake"))
    assert requirement.dependency is not None
    app.dependency_overrides[requirement.dependency] = lambda: fake
    assert TestClient(app).get("/").json() == "fake"


def test_scopes_of_router_and_route_add_up(security: JotarySecurity) -> None:
    """Each dependency asks for its own; `Security` collects those above it."""
    router = APIRouter(dependencies=[Depends(security.require("a"))])

    def tenant(principal: Annotated[Principal, Security(security, scopes=["b"])]) -> str:
        return principal.subject

    @router.get("/")
    async def index(subject: Annotated[str, Security(tenant, scopes=["c"])]) -> str:
        return subject

    app = FastAPI()
    app.include_router(router)
    client = TestClient(app)
    cases = [["a", "b"], ["b", "c"], ["a", "c"], ["a", "b", "c"]]
    assert [client.get("/", headers=bearer(*scopes)).status_code for scopes in cases] == [403, 403, 403, 200]


def test_without_install_a_refusal_is_still_a_refusal(security: JotarySecurity) -> None:
    """Status and headers are right; only the body is FastAPI's own."""
    app = FastAPI()

    @app.get("/", dependencies=[Depends(security.require("a"))])
    async def index() -> None: ...

    response = TestClient(app).get("/", headers=bearer("b"))
    assert response.status_code == 403
    assert 'scope="a"' in response.headers["WWW-Authenticate"]
    assert list(response.json()) == ["detail"]


@pytest.mark.parametrize("install_first", [True, False])
def test_an_applications_own_handler_does_not_change_refusals(security: JotarySecurity, *, install_first: bool) -> None:
    """Many have one for HTTPException."""
    app = FastAPI()
    if install_first:
        security.install(app)

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        return PlainTextResponse(f"other {(await http_exception_handler(request, error)).status_code}")

    if not install_first:
        security.install(app)

    @app.get("/", dependencies=[Depends(security.require("a"))])
    async def index() -> None: ...

    @app.get("/missing")
    async def missing() -> None:
        raise HTTPException(404)

    client = TestClient(app)
    assert client.get("/", headers=bearer("b")).json()["error"] == "insufficient_scope"
    assert client.get("/missing").text == "other 404"


def test_the_metadata_is_not_part_of_the_api(security: JotarySecurity) -> None:
    """It describes the API; OpenAPI needs no path for it."""
    app = FastAPI()
    security.install(app)
    assert app.openapi()["paths"] == {}
    assert TestClient(app).get("/.well-known/oauth-protected-resource").status_code == 200


def test_a_resource_that_is_no_url_has_no_metadata() -> None:
    """RFC 9728 §1.2."""
    security = JotarySecurity(ISSUER.verifier(audience="todo-api"))
    app = FastAPI()
    security.install(app)
    assert TestClient(app).get("/.well-known/oauth-protected-resource").status_code == 404
    nameless = JotarySecurity(ISSUER.verifier(audience=["a", "b"]))
    assert nameless.swagger_ui_init_oauth("swagger") == {
        "clientId": "swagger",
        "usePkceWithAuthorizationCodeGrant": True,
    }


def test_a_websocket_is_protected(security: JotarySecurity) -> None:
    """The same dependency, before the connection is accepted."""
    app = FastAPI()
    security.install(app)

    @app.websocket("/")
    async def whoami(websocket: WebSocket, principal: Annotated[Principal, Depends(security.require("a"))]) -> None:
        await websocket.accept()
        await websocket.send_text(principal.subject)
        await websocket.close()

    client = TestClient(app)
    with client.websocket_connect("/", headers=bearer("a")) as session:
        assert session.receive_text() == "ada"
    for headers, status in (({}, 401), (bearer("b"), 403)):
        with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/", headers=headers):
            pass
        assert caught.value.status_code == status


@pytest.mark.parametrize("is_installed", [True, False], ids=["installed", "not installed"])
def test_a_websocket_is_closed_where_the_server_can_say_no_more(
    security: JotarySecurity, *, is_installed: bool
) -> None:
    """Without the ASGI extension for denials: closed before it is accepted, which becomes 403; never an error."""
    app = FastAPI()
    if is_installed:
        security.install(app)

    @app.websocket("/")
    async def whoami(websocket: WebSocket, principal: Annotated[Principal, security.require("a")]) -> None:
        raise AssertionError(websocket, principal)

    async def plain(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        scope.pop("extensions")
        await app(scope, receive, send)

    for headers in ({}, bearer("b")):
        with (
            pytest.raises(WebSocketDisconnect) as caught,
            TestClient(plain).websocket_connect("/", headers=headers),
        ):
            pass
        assert caught.value.code == 1008


def test_the_handler_gets_the_principal_of_the_token(security: JotarySecurity) -> None:
    """In an `async def` and in a `def`, which FastAPI runs in a thread."""
    app = FastAPI()

    @app.get("/async")
    async def coroutine(principal: Annotated[Principal, Depends(security.require("a"))]) -> dict[str, Any]:
        return {"subject": principal.subject, "scopes": sorted(principal.scopes)}

    @app.get("/sync")
    def blocking(principal: Annotated[Principal, Depends(security.require("a"))]) -> dict[str, Any]:
        return {"subject": principal.subject, "scopes": sorted(principal.scopes)}

    client = TestClient(app)
    answers = [client.get(path, headers=bearer("a", "b")).json() for path in ("/async", "/sync")]
    assert answers == [{"subject": "ada", "scopes": ["a", "b"]}] * 2
