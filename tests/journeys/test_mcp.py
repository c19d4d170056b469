"""MCP clients and services, as they are, with a real server: sign-in by the MCP SDK, and calls as a service."""

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import httpx2
import pytest
from fastmcp import FastMCP
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from jotary import TokenVerifier
from jotary.cli.demonstration.browser import Browser
from jotary.cli.demonstration.cast import ROBOT
from jotary.cli.demonstration.player import enter_password
from jotary.integrations import fastmcp, mcp, starlette
from jotary.integrations import httpx as for_httpx
from jotary.integrations import httpx2 as for_httpx2
from jotary.server.app import system_clock
from jotary.server.flows.administration.create_client import NewClient, create_client
from jotary.server.store import open_store

if TYPE_CHECKING:
    from tests.conftest import Door
    from tests.journeys.conftest import UserAPI

REDIRECT_URI = "http://127.0.0.1:49153/callback"
SCOPES = "openid todo:read"


def sdk(verifier: TokenVerifier) -> ASGIApp:
    """A server of the MCP SDK."""
    server = MCPServer("ToDo")
    server.tool(name="whoami")(lambda: mcp.principal().subject)
    return mcp.JotarySecurity(verifier).protect(server, "todo:read")


def fast(verifier: TokenVerifier) -> ASGIApp:
    """A server of FastMCP."""
    server: FastMCP[Any] = FastMCP("ToDo", auth=fastmcp.JotaryAuth(verifier, "todo:read"))
    server.tool(name="whoami")(lambda: fastmcp.principal().subject)
    app: ASGIApp = server.http_app()
    return app


class Kept:
    """What an MCP client keeps: its registration, which was made beforehand, and its tokens."""

    def __init__(self, issuer: str, client_id: str) -> None:
        self.tokens: OAuthToken | None = None
        self.client = OAuthClientInformationFull.model_validate(
            {
                "client_id": client_id,
                "redirect_uris": [REDIRECT_URI],
                "token_endpoint_auth_method": "none",
                "issuer": issuer,
            }
        )

    async def get_tokens(self) -> OAuthToken | None:
        """Those of the last time."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """The registration."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:  # noqa: ARG002 -- the protocol
        """A server of ours registers nobody by itself."""
        raise AssertionError("the client tried to register")


class Person:
    """Who signs in when the MCP client opens the browser."""

    def __init__(self, user_api: "UserAPI") -> None:
        self._user_api = user_api
        self._answer: dict[str, str] = {}
        self.opened: list[dict[str, str]] = []

    async def show(self, url: str) -> None:
        """The browser goes through sign-in and consent, and comes back."""
        self.opened.append(dict(parse_qsl(urlsplit(url).query)))
        await asyncio.to_thread(self._sign_in, url)

    def _sign_in(self, url: str) -> None:
        with Browser(stop_at=REDIRECT_URI) as browser:
            page = enter_password(browser, url, self._user_api.cast)
            if not isinstance(page, str):  # the page that asks for consent
                page = browser.submit(page, answer="allow")
            self._answer = dict(parse_qsl(urlsplit(str(page)).query))

    async def callback(self) -> AuthorizationCodeResult:
        """What the loopback listener of the client got."""
        found = self._answer
        return AuthorizationCodeResult(code=found["code"], state=found["state"], iss=found["iss"])


def register(user_api: "UserAPI", client_id: str, url: str) -> None:
    """Do what `jotary client create` does."""

    async def create() -> None:
        store = await open_store(user_api.settings.database)
        try:
            client = NewClient(
                id=client_id,
                type="native",
                redirect_uris=("http://127.0.0.1/callback",),
                scopes=("openid", "offline_access", "todo:read"),
                audiences=(url,),
                is_first_party=True,
            )
            await create_client(
                client,
                store=store,
                audiences=user_api.settings.audiences,
                entropy=os.urandom,
                now=system_clock(),
            )
        finally:
            await store.close()

    asyncio.run(create())


@pytest.fixture(params=[sdk, fast], ids=["mcp", "fastmcp"])
def build(request: pytest.FixtureRequest) -> Callable[[TokenVerifier], ASGIApp]:
    """Each way of making a server."""
    chosen: Callable[[TokenVerifier], ASGIApp] = request.param
    return chosen


def test_the_sdks_client_finds_signs_in_and_calls(
    build: Callable[[TokenVerifier], ASGIApp],
    running: "UserAPI",
    open_door: Callable[[], "Door"],
    serve: Callable[["Door", ASGIApp], None],
) -> None:
    """From the server's URL alone: 401, RFC 9728, RFC 8414, code with PKCE and `resource`, token, tool, refresh."""
    door = open_door()
    url = f"{door.origin}/mcp"
    client_id = f"agent-{build.__name__}"
    register(running, client_id, url)
    verifier = TokenVerifier(issuer=running.issuer, audience=url)
    serve(door, build(verifier))
    kept, person = Kept(running.issuer, client_id), Person(running)

    async def call() -> str:
        auth = OAuthClientProvider(
            url,
            OAuthClientMetadata.model_validate(
                {"redirect_uris": [REDIRECT_URI], "scope": SCOPES, "token_endpoint_auth_method": "none"}
            ),
            kept,
            redirect_handler=person.show,
            callback_handler=person.callback,
        )
        async with (
            httpx2.AsyncClient(auth=auth, trust_env=False, timeout=20) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            found: str = (await client.call_tool("whoami", {})).content[0].text  # type: ignore[union-attr]  # it answers with text
            return found

    subject = asyncio.run(call())
    (asked,) = person.opened
    assert (asked["resource"], asked["code_challenge_method"], asked["client_id"]) == (url, "S256", client_id)
    assert kept.tokens is not None
    assert verifier.verify(kept.tokens.access_token).subject == subject
    assert asyncio.run(call()) == subject
    assert len(person.opened) == 1, "the kept token goes on"
    verifier.close()


def test_the_sdks_client_refuses_an_issuer_with_another_spelling(
    running: "UserAPI", open_door: Callable[[], "Door"], serve: Callable[["Door", ASGIApp], None]
) -> None:
    """RFC 8414 §3.3: why the metadata document is published byte for byte. Here it is not."""
    door = open_door()
    url = f"{door.origin}/mcp"

    async def metadata(_: Request) -> Response:
        return JSONResponse({"resource": url, "authorization_servers": [f"{running.issuer}/"]})

    server = MCPServer("ToDo")
    app = mcp.JotarySecurity(TokenVerifier(issuer=running.issuer, audience=url)).protect(server)
    app.router.routes[0] = Route("/.well-known/oauth-protected-resource/mcp", metadata)
    serve(door, app)

    async def call() -> None:
        async def never(_: str) -> None:
            raise AssertionError("it must not come so far")

        auth = OAuthClientProvider(
            url,
            OAuthClientMetadata.model_validate({"redirect_uris": [REDIRECT_URI]}),
            Kept(f"{running.issuer}/", "agent"),
            redirect_handler=never,
        )
        async with httpx2.AsyncClient(auth=auth, trust_env=False, timeout=20) as http:
            await http.post(url, json={})

    with pytest.raises(OAuthFlowError, match="issuer"):
        asyncio.run(call())


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_service_calls_an_api(
    library: Any,
    running: "UserAPI",
    open_door: Callable[[], "Door"],
    serve: Callable[["Door", ASGIApp], None],
) -> None:
    """Client credentials at the real token endpoint; the API knows the service by name."""
    door = open_door()
    audience = "http://127.0.0.1:8001"  # which the service is registered for
    verifier = TokenVerifier(issuer=running.issuer, audience=audience)
    security = starlette.JotarySecurity(verifier)

    @security.require("todo:read")
    async def tasks(request: Request) -> Response:
        caller = starlette.principal(request)
        return JSONResponse([caller.client_id, sorted(caller.scopes)])

    serve(door, Starlette(routes=[Route("/tasks", tasks)]))
    module = for_httpx if library is httpx else for_httpx2
    auth = module.ServiceAuth(
        issuer=running.issuer,
        client_id=ROBOT,
        client_secret=running.cast.robot_secret,
        resource=audience,
        origin=door.origin,
        scopes=["todo:read"],
    )
    with library.Client(auth=auth, trust_env=False) as client:
        assert client.get(f"{door.origin}/tasks").json() == [ROBOT, ["todo:read"]]
    verifier.close()
