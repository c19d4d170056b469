"""A browser, an application with a session, and an API, wired in memory over HTTP's own words."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import anyio
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from jotary.client.bff import BFF
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer

ISSUER = "https://id.example"
APP = "https://app.example"
API = "https://api.example"
SECRET = b"s" * 32
NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


class SmallAPI:
    """An API that takes the issuer's access tokens, and answers as it is told."""

    def __init__(self, issuer: "SmallIssuer") -> None:
        self.issuer = issuer
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.refused: set[str] = set()  # tokens that are refused although they are good
        self.refuses_all = False
        self.response: Callable[[Request], Response] = lambda request: JSONResponse({"path": request.url.path})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        self.requests.append(request)
        self.bodies.append(await request.body())
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.refuses_all or token in self.refused or not self.issuer.is_good(token):
            response: Response = JSONResponse({"error": "invalid_token"}, 401)
        else:
            response = self.response(request)
        await response(scope, receive, send)

    @property
    def tokens(self) -> list[str]:
        """The access tokens that it saw, in order."""
        return [request.headers["authorization"].removeprefix("Bearer ") for request in self.requests]


class Browser:
    """A browser with cookies, which it keeps as RFC 6265 and the `__Host-` prefix say, and no other opinion."""

    def __init__(self, network: "Network") -> None:
        self._network = network
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []  # every Set-Cookie header of the application, in order
        self.seen: list[httpx2.Response] = []  # every answer of the application

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
        """Send a request to the application just so, with the cookies, and take the cookies of the answer."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**({"Cookie": cookie} if cookie else {}), "Content-Length": str(len(body)), **(headers or {})}
        if sent.get("Transfer-Encoding"):
            del sent["Content-Length"]
        request = httpx2.Request(method, APP + path, headers=sent, content=_chunks(body))
        response = await self._network.handle_async_request(request)
        await response.aread()
        self.seen.append(response)
        for header in response.headers.get_list("set-cookie"):
            self.take(header)
        return response

    def take(self, header: str) -> None:
        """Keep or drop a cookie; refuse what a browser would refuse."""
        self.set_cookies.append(header)
        pair, *attributes = header.split("; ")
        name, _, value = pair.partition("=")
        assert name.startswith("__Host-")
        assert {"Secure", "Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes), "refused by the browser"
        assert not any(attribute.lower().startswith("domain") for attribute in attributes)
        assert len(pair) + sum(map(len, attributes)) <= 4096
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value

    async def fetch(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Any:
        """What the page's own script does."""
        own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "X-CSRF": "1"}
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send(method, path, {**own, **extra}, body)

    async def open(self, url: str, *, site: str = "none") -> Any:
        """What typing an address, or following a link or a redirect does, redirects included."""
        fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        while True:
            if url.startswith(APP):
                response = await self.send("GET", url.removeprefix(APP) or "/", fetch)
            else:
                response = await self._network.handle_async_request(httpx2.Request("GET", url))
                await response.aread()
            location = response.headers.get("location")
            if location is None:
                return response
            url = str(httpx2.URL(url).join(location))

    async def sign_in(self, return_to: str = "/") -> Any:
        """Sign in; the issuer asks nothing."""
        return await self.open(f"{APP}/auth/login?{urlencode({'return_to': return_to})}")

    def copy(self) -> "Browser":
        """A second browser with the same cookies: another tab's idea of the jar, or a thief."""
        other = Browser(self._network)
        other.cookies = dict(self.cookies)
        return other

    async def begin(self, query: str = "", **headers: str) -> str:
        """Begin to sign in, and return the address that the browser is sent to."""
        answer = await self.send("GET", f"/auth/login{query}", {**NAVIGATION, **headers})
        assert answer.status_code == 303
        location: str = answer.headers["location"]
        return location

    async def come_back(self, address: str, more: str = "") -> Any:
        """Follow an answer of the issuer to the application, and no further."""
        answer = await self._network.handle_async_request(httpx2.Request("GET", address))
        path = answer.headers["location"].removeprefix(APP)
        return await self.send("GET", path + more, NAVIGATION)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    """A body as a network delivers it."""
    for start in range(0, len(body), 1 << 16):
        yield body[start : start + (1 << 16)]


class World:
    """All of it."""

    def __init__(self, clock: FrozenClock, network: "Network", issuer: "SmallIssuer") -> None:
        self.clock = clock
        self.network = network
        self.issuer = issuer
        self.api = SmallAPI(self.issuer)
        self.network.serve(API, self.api)
        self.bff = self.start()

    def start(self, **options: Any) -> BFF:
        """Start the application, or start it again: with nothing in its memory."""
        settings: dict[str, Any] = {
            "issuer": ISSUER,
            "client_id": "todo-web",
            "client_secret": "jcs_secret",
            "secret": SECRET,
            "base_url": APP,
            "proxy": {"/api": f"{API}/v1"},
            "network": self.network,
            "clock": self.clock,
        }
        bff = BFF(_pages, **{**settings, **options})
        bff._to_issuer._sleep = _no_sleep
        self.network.serve(APP, bff)
        self.bff = bff
        return bff

    def browser(self) -> Browser:
        """A new browser."""
        return Browser(self.network)

    async def signed_in(self) -> Browser:
        """A browser in which the person is signed in."""
        browser = self.browser()
        await browser.sign_in()
        assert "__Host-session" in browser.cookies
        return browser

    async def raw(
        self,
        browser: Browser,
        raw_path: bytes,
        *,
        query: bytes = b"",
        chunks: list[bytes | None],
        length: bytes = b"0",
    ) -> list[dict[str, Any]]:
        """Send a request as an HTTP client would not: an untidy path, or a body that breaks off.

        Chunks make up `length` bytes; None stands for silence, and behind the last chunk the browser is gone.
        """
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": raw_path.decode(),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [
                (b"host", b"app.example"),
                (b"cookie", f"__Host-session={browser.cookies['__Host-session']}".encode()),
                (b"content-length", length),
                (b"sec-fetch-site", b"same-origin"),
                (b"x-csrf", b"1"),
            ],
            "server": ("app.example", 443),
        }
        sent: list[dict[str, Any]] = []
        remaining = iter(chunks)

        async def receive() -> dict[str, Any]:
            chunk = next(remaining, b"gone")
            if chunk is None:
                await anyio.sleep_forever()
            if chunk == b"gone":
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunk, "more_body": length != b"0"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.bff(scope, receive, send)
        return sent

    def refreshes(self) -> int:
        """How many refreshes the issuer was asked for."""
        return sum(form.get("grant_type") == "refresh_token" for form in self.issuer.sent)

    def assert_no_token_seen(self, browser: Browser) -> None:
        """No answer to the browser holds a token in its body, nor in a header that a script can read."""
        for response in browser.seen:
            redirects_to_issuer = response.headers.get("location", "").startswith(f"{ISSUER}/logout")
            readable = [
                f"{name}: {value}"
                for name, value in response.headers.multi_items()
                if name != "set-cookie" and not (name == "location" and redirects_to_issuer)
            ]
            text = response.text + "\n".join([*readable, *response.headers.get_list("set-cookie")])
            for token in self.issuer.issued:
                assert token not in text


async def _no_sleep(_seconds: float) -> None:
    pass


async def _pages(scope: Any, receive: Any, send: Any) -> None:
    """The application behind: it answers everything with the address it was asked for."""
    assert scope["type"] == "http"
    await PlainTextResponse(f"page {scope['path']}")(scope, receive, send)


@pytest.fixture
def world(clock: FrozenClock, network: "Network", issuer: "SmallIssuer") -> World:
    """A browser's surroundings, before anybody signs in."""
    return World(clock, network, issuer)
