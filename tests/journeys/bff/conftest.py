"""A person with a browser, an application with a session, the real authorization server, and an API that verifies.

All on one network in memory and with one clock, so that minutes and days pass when a test says so.
"""

import asyncio
import os
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from jotary import InvalidToken, TokenVerifier
from jotary.client.bff import BFF
from jotary.jose import KeySet
from jotary.oauth.secret import Secret
from jotary.server.app import create_app
from jotary.server.flows.administration.create_client import NewClient, create_client
from jotary.server.flows.administration.create_user import NewUser, create_user
from jotary.server.passwords import HashingPool
from jotary.server.settings import Settings
from jotary.server.store import open_store
from jotary.server.store.migrations import upgrade
from jotary.testing import FrozenClock

ISSUER = "https://id.example"
APP = "https://app.example"
API = "https://api.example"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that servers run on."""
    return "asyncio"


class Network(httpx2.AsyncBaseTransport):
    """Carries requests to applications in memory; an origin can be taken down, or lose its answers."""

    def __init__(self) -> None:
        self._hosts: dict[str, httpx2.ASGITransport] = {}
        self.down: set[str] = set()
        self.losing: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def serve(self, origin: str, app: Any) -> None:
        """Let an application answer for an origin."""
        self._hosts[origin] = httpx2.ASGITransport(app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry one request."""
        origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
        place = origin + request.url.path
        self.seen[place] += 1
        if origin in self.down:
            raise httpx2.ConnectError("down")
        response = await self._hosts[origin].handle_async_request(request)
        if self.losing[place]:
            self.losing[place] -= 1
            raise httpx2.ReadError("the answer was lost")
        return response


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect where it goes and what is in it."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.action:
            self.action = found.get("action", "")
        elif tag == "input" and "name" in found:
            self.fields[found["name"]] = found.get("value", "")


class Browser:
    """A browser: a jar of cookies for each host, links, forms, and the scripts of the application's pages."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.jars: dict[str, dict[str, str]] = {}
        self.seen: list[httpx2.Response] = []  # every answer of the application

    @property
    def cookies(self) -> dict[str, str]:
        """The application's cookies."""
        return self.jars.setdefault(APP, {})

    async def _send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx2.Response:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        jar = self.jars.setdefault(origin, {})
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())} if jar else {}
        request = httpx2.Request(method, url, headers={**headers, **cookie}, content=body)
        response = await self._network.handle_async_request(request)
        response.request = request
        await response.aread()
        for header in response.headers.get_list("set-cookie"):
            name, value = re.match(r"([^=]+)=([^;]*)", header).groups()  # type: ignore[union-attr] # it always matches
            assert "HttpOnly" in header
            jar.pop(name, None) if "Max-Age=0" in header else jar.update({name: value})
        if origin == APP:
            self.seen.append(response)
        return response

    async def open(self, url: str, site: str = "none") -> httpx2.Response:
        """Go to an address, redirects included."""
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        response = await self._send("GET", url, headers)
        while "location" in response.headers:
            url = urljoin(url, response.headers["location"])
            response = await self._send("GET", url, headers)
        return response

    async def submit(self, page: httpx2.Response, **values: str) -> httpx2.Response:
        """Fill the page's form and send it."""
        form = _Form()
        form.feed(page.text)
        url = urljoin(str(page.request.url), form.action)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
        fetch = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        body = urlencode({**form.fields, **values}).encode()
        response = await self._send("POST", url, {**headers, **fetch}, body)
        return (
            await self.open(urljoin(url, response.headers["location"])) if response.has_redirect_location else response
        )

    async def fetch(self, path: str, method: str = "GET") -> httpx2.Response:
        """What a script of the application's page does."""
        headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "X-CSRF": "1"}
        return await self._send(method, APP + path, headers)

    async def sign_in(self, return_to: str = "/") -> httpx2.Response:
        """Sign in with the password."""
        page = await self.open(f"{APP}/auth/login?{urlencode({'return_to': return_to})}")
        return await self.submit(page, username="ada@example.com", password=PASSWORD)

    def copy(self) -> "Browser":
        """Another one with the same cookies: a second tab's idea of the jar, or a thief."""
        other = Browser(self._network)
        other.jars = {origin: dict(jar) for origin, jar in self.jars.items()}
        return other


class World:
    """The application and what it talks to."""

    def __init__(self, clock: FrozenClock, network: Network, client_secret: Secret) -> None:
        self.clock = clock
        self.network = network
        self._client_secret = client_secret
        self.tokens: list[str] = []  # that the API saw
        self._verifier: TokenVerifier | None = None
        network.serve(API, self._api)
        self.start()

    def start(self) -> None:
        """Start the application, or start it again with nothing in its memory."""
        bff = BFF(
            self._pages,
            issuer=ISSUER,
            client_id="todo-web",
            client_secret=self._client_secret,
            secret=b"s" * 32,
            base_url=APP,
            scopes=["openid", "profile", "email", "todo:read"],
            resource=API,
            proxy={"/api": API},
            network=self.network,
            clock=self.clock,
        )
        bff._to_issuer._sleep = _no_sleep
        self.network.serve(APP, bff)

    def browser(self) -> Browser:
        """A new browser."""
        return Browser(self.network)

    async def signed_in(self) -> Browser:
        """A browser in which the person is signed in."""
        browser = self.browser()
        assert (await browser.sign_in()).text == "page /"
        return browser

    def refreshes(self) -> int:
        """How many requests the token endpoint has had."""
        return self.network.seen[f"{ISSUER}/token"]

    async def _pages(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse(f"page {scope['path']}")(scope, receive, send)

    async def _api(self, scope: Any, receive: Any, send: Any) -> None:
        """An API that verifies with the issuer's public keys, and nothing else."""
        request = Request(scope, receive)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.tokens.append(token)
        response: Response = JSONResponse({"error": "invalid_token"}, 401)
        try:
            principal = (await self._verifying()).verify(token)
            response = JSONResponse({"sub": principal.subject, "scopes": sorted(principal.scopes)})
        except InvalidToken:
            pass
        await response(scope, receive, send)

    async def _verifying(self) -> TokenVerifier:
        if self._verifier is None:
            async with httpx2.AsyncClient(transport=self.network) as client:
                keys = KeySet.from_jwks((await client.get(f"{ISSUER}/.well-known/jwks.json")).content)
            self._verifier = TokenVerifier.offline(issuer=ISSUER, audience=API, keys=keys, clock=self.clock)
        return self._verifier


async def _no_sleep(_seconds: float) -> None:
    pass


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Secret]:
    """A database with one person and one client, and the client's secret: made once, since it takes a second."""
    path = tmp_path_factory.mktemp("prepared") / "jotary.db"
    upgrade(f"sqlite:///{path}")
    return path, asyncio.run(_populate(_settings(path), FrozenClock()))


@pytest.fixture
async def world(anyio_backend: str, prepared: tuple[Path, Secret], tmp_path: Path) -> AsyncIterator[World]:
    """The real server with one person and one client, and everything around it."""
    template, client_secret = prepared
    shutil.copyfile(template, tmp_path / "jotary.db")
    clock = FrozenClock()
    server = create_app(_settings(tmp_path / "jotary.db"), clock=clock, entropy=os.urandom)
    network = Network()
    network.serve(ISSUER, server)
    async with server.running():
        yield World(clock, network, client_secret)


def _settings(database: Path) -> Settings:
    return Settings(issuer=ISSUER, database=f"sqlite:///{database}", secret=Secret("x" * 43))


async def _populate(settings: Settings, clock: FrozenClock) -> Secret:
    store = await open_store(settings.database)
    hasher = HashingPool(workers=1, queue=4)
    person = NewUser(email="ada@example.com", name="Ada", password=Secret(PASSWORD))
    await create_user(person, store=store, hasher=hasher, entropy=os.urandom, settings=settings, now=clock())
    client = NewClient(
        id="todo-web",
        name="ToDo",
        type="web",
        redirect_uris=(f"{APP}/auth/callback",),
        post_logout_redirect_uris=(f"{APP}/",),
        scopes=("openid", "profile", "email", "todo:read"),
        audiences=(API,),
        is_first_party=True,
    )
    registered = await create_client(client, store=store, audiences=(), entropy=os.urandom, now=clock())
    hasher.close()
    await store.close()
    assert registered.secret is not None
    return registered.secret
