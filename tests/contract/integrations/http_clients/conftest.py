"""An issuer, an API, an attacker and a service, over real connections."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import httpx
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from jotary.integrations import httpx as for_httpx
from jotary.integrations import httpx2 as for_httpx2
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.conftest import Door

LIFETIME = 300


class Issuer:
    """A token endpoint that counts; its tokens are names, since nobody here looks into them."""

    def __init__(self) -> None:
        self.forms: list[dict[str, list[str]]] = []
        self.authorizations: list[str | None] = []
        self.status = 200
        self.gate = Event()
        self.gate.set()
        self.origin = ""
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _metadata(self, _: Request) -> Response:
        return JSONResponse({"issuer": self.origin, "token_endpoint": f"{self.origin}/token"})

    async def _token(self, request: Request) -> Response:
        self.forms.append(parse_qs((await request.body()).decode()))
        self.authorizations.append(request.headers.get("Authorization"))
        await run_in_threadpool(self.gate.wait, 10)
        if self.status != 200:
            return JSONResponse({"error": "invalid_client"}, self.status)
        return JSONResponse(
            {"access_token": f"token-{len(self.forms)}", "token_type": "Bearer", "expires_in": LIFETIME}
        )


class API:
    """Remembers what it was sent, and refuses the tokens that it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.bodies: list[bytes] = []
        self.refused: set[str] = set()
        self.refuses_all = False
        self.elsewhere = ""
        self.app = Starlette(
            routes=[
                Route("/tasks", self._answer, methods=["GET", "POST"]),
                Route("/away", self._away),
                Route("/moved", self._moved),
            ]
        )

    async def _answer(self, request: Request) -> Response:
        authorization = request.headers.get("Authorization")
        self.seen.append((request.url.path, authorization))
        self.bodies.append(await request.body())
        refused = self.refuses_all or authorization in {f"Bearer {token}" for token in self.refused}
        return Response(status_code=401 if refused else 200)

    async def _away(self, _: Request) -> Response:
        return RedirectResponse(f"{self.elsewhere}/tasks")

    async def _moved(self, _: Request) -> Response:
        return RedirectResponse("/tasks")

    @property
    def tokens(self) -> list[str | None]:
        """Those that it was sent."""
        return [authorization for _, authorization in self.seen]


class World:
    """An issuer, an API, an attacker's server, and a service that calls the API.

    Args:
        kind: "blocking" or "awaiting".
        library: httpx or httpx2.
    """

    def __init__(self, kind: str, library: Any) -> None:
        self.kind = kind
        self.library = library
        self.clock = FrozenClock()
        self.issuer, self.api, self.attacker = Issuer(), API(), API()
        self.origin = ""

    def auth(self, **arguments: Any) -> Any:
        """The service's."""
        module = for_httpx if self.library is httpx else for_httpx2
        given = {
            "issuer": self.issuer.origin,
            "client_id": "robot",
            "client_secret": "s3cret",
            "resource": self.origin,
            "clock": lambda: int(self.clock()),
        }
        return module.ServiceAuth(**{**given, **arguments})

    def call(self, auth: Any, url: str, *, method: str = "GET", **arguments: Any) -> Any:
        """One request by a new client."""
        return self.calls(auth, url, 1, method=method, **arguments)[0]

    def calls(self, auth: Any, url: str, count: int, *, method: str = "GET", **arguments: Any) -> list[Any]:
        """So many at once."""
        if self.kind == "awaiting":
            return asyncio.run(self._awaiting(auth, url, count, method, arguments))
        with (
            self.library.Client(auth=auth, follow_redirects=True, trust_env=False) as client,
            ThreadPoolExecutor(count) as threads,
        ):
            return list(threads.map(lambda _: client.request(method, url, **arguments), range(count)))

    async def _awaiting(self, auth: Any, url: str, count: int, method: str, arguments: dict[str, Any]) -> list[Any]:
        async with self.library.AsyncClient(auth=auth, follow_redirects=True, trust_env=False) as client:
            return await asyncio.gather(*(client.request(method, url, **arguments) for _ in range(count)))


@pytest.fixture(params=["blocking", "awaiting"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of client."""
    chosen: str = request.param
    return chosen


@pytest.fixture(params=[httpx, httpx2], ids=["httpx", "httpx2"])
def world(
    request: pytest.FixtureRequest,
    kind: str,
    open_door: Callable[[], "Door"],
    serve: Callable[["Door", Any], None],
) -> World:
    """All of it, on three ports."""
    world = World(kind, request.param)
    for party in (world.issuer, world.api, world.attacker):
        door = open_door()
        serve(door, party.app)
        if party is world.issuer:
            world.issuer.origin = door.origin
        elif party is world.api:
            world.origin = door.origin
        else:
            world.api.elsewhere = door.origin
    return world
