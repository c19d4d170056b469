"""One small API for each way of protecting it, the same for all frameworks."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

import pytest
from asgiref.wsgi import WsgiToAsgi
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from fastapi import Depends, FastAPI, Security
from flask import Flask
from litestar import Litestar, get, post
from litestar import route as litestar_route
from litestar.config.cors import CORSConfig
from litestar.di import NamedDependency
from rest_framework import response as rest_response
from rest_framework.request import Request as RestRequest
from rest_framework.views import APIView
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from jotary import MultiIssuerVerifier, Principal, TokenVerifier
from jotary.integrations import django, fastapi, flask, litestar, rest_framework, starlette

SCOPES = {"todo:read": "Read your tasks"}
CORS = Middleware(CORSMiddleware, allow_origins=["https://app.example"], allow_headers=["Authorization"])
Verifier = TokenVerifier | MultiIssuerVerifier
Build = Callable[[Verifier], ASGIApp]


def _fastapi(security: fastapi.JotarySecurity, require: Callable[..., Any]) -> ASGIApp:
    app = FastAPI(middleware=[CORS])
    security.install(app)
    writer = require("todo:read", "todo:write")

    @app.api_route("/tasks", methods=["GET", "HEAD"])
    async def read(principal: Annotated[Principal, require("todo:read")]) -> dict[str, str]:
        return {"subject": principal.subject}

    @app.post("/tasks")
    def write(principal: Annotated[Principal, writer]) -> dict[str, str]:
        return {"subject": principal.subject}

    @app.get("/me")
    async def me(principal: Annotated[Principal, require()]) -> dict[str, str]:
        return {"subject": principal.subject}

    return app


def fastapi_require(verifier: Verifier) -> ASGIApp:
    """`security.require(...)` by itself."""
    security = fastapi.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")
    return _fastapi(security, security.require)


def fastapi_depends(verifier: Verifier) -> ASGIApp:
    """`Depends(security.require(...))`."""
    security = fastapi.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")
    return _fastapi(security, lambda *scopes: Depends(security.require(*scopes)))


def fastapi_security(verifier: Verifier) -> ASGIApp:
    """`Security(security, scopes=[...])`, and `Depends(security)`."""
    security = fastapi.JotarySecurity(verifier, scopes={**SCOPES, "todo:write": ""}, name="ToDo")
    return _fastapi(security, lambda *scopes: Security(security, scopes=scopes) if scopes else Depends(security))


async def _answer(request: Request) -> Response:
    return JSONResponse({"subject": starlette.principal(request).subject})


def _answer_in_a_thread(request: Request) -> Response:
    return JSONResponse({"subject": starlette.principal(request).subject})


def starlette_require(verifier: Verifier) -> ASGIApp:
    """`@security.require(...)` on an endpoint."""
    security = starlette.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")
    routes = [
        Route("/tasks", security.require("todo:read")(_answer)),
        Route("/tasks", security.require("todo:read", "todo:write")(_answer_in_a_thread), methods=["POST"]),
        Route("/me", security.require()(_answer)),
        *security.routes(),
    ]
    return Starlette(routes=routes, middleware=[CORS])


def starlette_protect(verifier: Verifier) -> ASGIApp:
    """`security.protect(...)` around applications, and as middleware of a route and of a mount."""
    security = starlette.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")
    read = Middleware(security.protect, "todo:read")
    write = Middleware(security.protect, "todo:read", "todo:write")
    routes = [
        *security.routes(),
        Route("/tasks", _answer, middleware=[read]),
        Route("/tasks", _answer_in_a_thread, methods=["POST"], middleware=[write]),
        Mount("/", app=security.protect(Starlette(routes=[Route("/me", _answer)]))),
    ]
    return Starlette(routes=routes, middleware=[CORS])


def behind_cors(app: ASGIApp) -> ASGIApp:
    """Frameworks without CORS of their own get one outside."""
    return Starlette(routes=[Mount("/", app=app)], middleware=[CORS])


def over_wsgi(app: Any) -> ASGIApp:
    """A WSGI application where the tests' client can reach it, in memory."""
    return behind_cors(WsgiToAsgi(app))  # type: ignore[no-untyped-call]  # asgiref types half of its names


def flask_require(verifier: Verifier) -> ASGIApp:
    """`@security.require(...)` below the route, on `def` and `async def`."""
    security = flask.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")
    app = Flask(__name__)
    app.testing = True
    security.install(app)

    @app.get("/tasks")
    @security.require("todo:read")
    def read() -> dict[str, str]:
        return {"subject": flask.principal().subject}

    @app.post("/tasks")
    @security.require("todo:read", "todo:write")
    async def write() -> dict[str, str]:
        return {"subject": flask.principal().subject}

    @app.get("/me")
    @security.require()
    def me() -> dict[str, str]:
        return {"subject": flask.principal().subject}

    return over_wsgi(app)


class _WSGI(WSGIHandler):  # type: ignore[misc]  # Django brings no types
    """Django over WSGI, with URLs of its own."""

    def __init__(self, urls: Sequence[URLPattern]) -> None:
        super().__init__()
        self.urls = tuple(urls)

    def get_response(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = self.urls
        return super().get_response(request)


class _ASGI(ASGIHandler):  # type: ignore[misc]  # Django brings no types
    """Django over ASGI, with URLs of its own."""

    def __init__(self, urls: Sequence[URLPattern]) -> None:
        super().__init__()
        self.urls = tuple(urls)

    async def get_response_async(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = self.urls
        return await super().get_response_async(request)


def django_wsgi(urls: Sequence[URLPattern]) -> ASGIApp:
    """A project with these URLs."""
    return over_wsgi(_WSGI(urls))


def django_asgi(urls: Sequence[URLPattern]) -> ASGIApp:
    """The same on an event loop."""
    return behind_cors(_ASGI(urls))


def _django_urls(verifier: Verifier, answer: Callable[..., Any]) -> list[URLPattern]:
    security = django.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")
    read, write = security.require("todo:read")(answer), security.require("todo:read", "todo:write")(answer)

    # Django looks for the mark on what it calls, which is the choice between the two.
    def tasks(request: HttpRequest) -> Any:
        return (write if request.method == "POST" else read)(request)

    async def tasks_async(request: HttpRequest) -> HttpResponse:
        return await tasks(request)

    dispatch: Any = tasks_async if answer is _django_answer_async else tasks
    dispatch.csrf_exempt = write.csrf_exempt  # type: ignore[attr-defined]  # how Django marks a view
    return [path("tasks", dispatch), path("me", security.require()(answer)), *security.urls()]


def _django_answer(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"subject": django.principal(request).subject})


async def _django_answer_async(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"subject": django.principal(request).subject})


def django_sync(verifier: Verifier) -> ASGIApp:
    """`@security.require(...)` on `def`, over WSGI."""
    return django_wsgi(_django_urls(verifier, _django_answer))


def django_async(verifier: Verifier) -> ASGIApp:
    """`@security.require(...)` on `async def`, over ASGI."""
    return django_asgi(_django_urls(verifier, _django_answer_async))


def _rest_urls(verifier: Verifier) -> list[URLPattern]:
    security = rest_framework.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")

    writer = security.require("todo:read", "todo:write")

    class Me(APIView):  # type: ignore[misc]  # the framework brings no types
        authentication_classes = (security.authentication,)
        permission_classes = (security.require(),)

        def get(self, request: RestRequest) -> rest_response.Response:
            return rest_response.Response({"subject": request.auth.subject})

    class Tasks(Me):
        permission_classes = (security.require("todo:read"),)

        def get_permissions(self) -> list[Any]:
            return [permission() for permission in self._permissions()]

        def _permissions(self) -> tuple[Any, ...]:
            return (writer,) if self.request.method == "POST" else self.permission_classes

        def post(self, request: RestRequest) -> rest_response.Response:
            return self.get(request)

    return [path("tasks", Tasks.as_view()), path("me", Me.as_view()), *security.urls()]


def rest_framework_wsgi(verifier: Verifier) -> ASGIApp:
    """`authentication_classes` and `permission_classes`, over WSGI."""
    return django_wsgi(_rest_urls(verifier))


def rest_framework_asgi(verifier: Verifier) -> ASGIApp:
    """The same over ASGI, where Django runs the view in a thread."""
    return django_asgi(_rest_urls(verifier))


def litestar_guard(verifier: Verifier) -> ASGIApp:
    """`guards=[security.require(...)]` and the plugin."""
    security = litestar.JotarySecurity(verifier, scopes=SCOPES, name="ToDo")

    @litestar_route("/tasks", http_method=["GET", "HEAD"], guards=[security.require("todo:read")])
    async def read(principal: NamedDependency[Principal]) -> dict[str, str]:
        return {"subject": principal.subject}

    @post("/tasks", guards=[security.require("todo:read", "todo:write")], status_code=200, sync_to_thread=True)
    def write(principal: NamedDependency[Principal]) -> dict[str, str]:
        return {"subject": principal.subject}

    @get("/me", guards=[security.require()])
    async def me(principal: NamedDependency[Principal]) -> dict[str, str]:
        return {"subject": principal.subject}

    cors = CORSConfig(allow_origins=["https://app.example"], allow_headers=["Authorization"])
    app: Any = Litestar([read, write, me], plugins=[security], cors_config=cors)  # its types for ASGI are its own
    return cast("ASGIApp", app)


BUILDS: list[Build] = [
    fastapi_require,
    fastapi_depends,
    fastapi_security,
    starlette_require,
    starlette_protect,
    flask_require,
    django_sync,
    django_async,
    rest_framework_wsgi,
    rest_framework_asgi,
    litestar_guard,
]


@pytest.fixture(params=BUILDS, ids=lambda build: build.__name__)
def build(request: pytest.FixtureRequest) -> Build:
    """Each way of protecting."""
    chosen: Build = request.param
    return chosen


@pytest.fixture(params=[django_wsgi, django_asgi], ids=["wsgi", "asgi"])
def project(request: pytest.FixtureRequest) -> Callable[[Sequence[URLPattern]], ASGIApp]:
    """A Django project with the URLs that it is called with."""
    chosen: Callable[[Sequence[URLPattern]], ASGIApp] = request.param
    return chosen
