"""An issuer and a network that fails as it is told, in memory.

The issuer is small, and follows the design's rules for refresh (design §6.1) where the tests need them; the journeys
run against the real one.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from jotary.client.transport import IssuerTransport
from jotary.jose import Key, KeySet, jwt
from jotary.oauth import pkce
from jotary.testing import FrozenClock
from jotary.tokens.id_token import id_token_claims

ISSUER = "https://id.example"
LIFETIME = 300
RETRY_WINDOW = 30


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that servers run on."""
    return "asyncio"


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that the whole world shares."""
    return FrozenClock()


class Gate:
    """Where requests wait: `arrived` once there is one, until `go_on`."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> None:
        """Pass, or wait."""
        self.arrived.set()
        await self.go_on.wait()


class Network(httpx2.AsyncBaseTransport):
    """Carries requests to applications in memory, and fails as it is told."""

    def __init__(self) -> None:
        self._hosts: dict[str, httpx2.ASGITransport] = {}
        self.requests: list[httpx2.Request] = []
        self._faults: dict[str, list[Exception | int]] = {}
        self._lost: Counter[str] = Counter()
        self._on_the_way: dict[str, Callable[[], Awaitable[None]]] = {}

    def serve(self, origin: str, app: ASGIApp) -> None:
        """Let an application answer for an origin."""
        self._hosts[urlsplit(origin).netloc] = httpx2.ASGITransport(app)

    def fail(self, url: str, *faults: Exception | int) -> None:
        """Answer the next requests for a URL with an error of the network, or with a status."""
        self._faults.setdefault(url, []).extend(faults)

    def lose_answers(self, url: str, times: int = 1) -> None:
        """Let the next requests for a URL arrive, and their answers vanish."""
        self._lost[url] += times

    def hold(self, url: str) -> Gate:
        """Keep requests for a URL on their way."""
        gate = Gate()
        self.meanwhile(url, gate)
        return gate

    def let_pass(self, url: str) -> None:
        """Keep no further requests for a URL; those that wait go on waiting."""
        del self._on_the_way[url]

    def meanwhile(self, url: str, act: Callable[[], Awaitable[None]]) -> None:
        """Do something while requests for a URL are on their way."""
        self._on_the_way[url] = act

    def heal(self) -> None:
        """Work from now on."""
        self._faults.clear()
        self._lost.clear()

    def count(self, url: str) -> int:
        """How many requests there were for a URL."""
        return sum(_address(request) == url for request in self.requests)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry one request."""
        self.requests.append(request)
        url = _address(request)
        if url in self._on_the_way:
            await self._on_the_way[url]()
        if self._faults.get(url):
            fault = self._faults[url].pop(0)
            if isinstance(fault, Exception):
                raise fault
            return httpx2.Response(fault, stream=httpx2.ByteStream(b""))
        host = self._hosts.get(request.url.netloc.decode())
        if host is None:
            raise httpx2.ConnectError("nobody is there")
        response = await host.handle_async_request(request)
        if self._lost[url]:
            self._lost[url] -= 1
            raise httpx2.ReadError("the answer was lost")
        return response


def _address(request: httpx2.Request) -> str:
    return str(request.url).partition("?")[0]


class SmallIssuer:
    """An issuer with one person, who is always signed in; it remembers all tokens that it gave."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.key = Key.generate("ES256", kid="k1")
        self.published = [self.key]
        self.sent: list[dict[str, str]] = []  # what clients posted
        self.codes: dict[str, dict[str, str]] = {}
        self.generations: dict[str, tuple[int, int]] = {}  # session -> generation, rotated at
        self.ended: set[str] = set()
        self.issued: list[str] = []  # every token that must never be seen by a script
        self.answer: dict[str, Any] = {}  # members of token answers to replace; None removes one
        self.claims: dict[str, Any] = {}  # claims of ID tokens to replace; None removes one
        self.metadata: dict[str, Any] = {}  # members of the metadata to replace; None removes one
        self.callback: dict[str, str | None] = {}  # parameters of the callback to replace; None removes one
        self.lifetime = LIFETIME
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/jwks", self._jwks),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/revoke", self._revoke, methods=["POST"]),
                Route("/logout", self._logout),
            ]
        )

    async def _discovery(self, _request: Request) -> Response:
        names = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "jwks",
            "revocation_endpoint": "revoke",
            "end_session_endpoint": "logout",
        }
        document = {name: f"{ISSUER}/{path}" for name, path in names.items()}
        flags = {"issuer": ISSUER, "authorization_response_iss_parameter_supported": True}
        return JSONResponse(_replaced({**document, **flags}, self.metadata))

    async def _jwks(self, _request: Request) -> Response:
        return JSONResponse(KeySet(self.published).to_jwks())

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        answer = _replaced({"code": code, "state": asked["state"], "iss": ISSUER}, self.callback)
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", status_code=302)

    async def _token(self, request: Request) -> Response:
        form = _form(await request.body())
        self.sent.append({**form, "authorization": request.headers.get("authorization", "")})
        if form["grant_type"] == "refresh_token":
            return self._refresh(form["refresh_token"])
        asked = self.codes.pop(form["code"], None)
        if asked is None or not pkce.verify(form["code_verifier"], asked["code_challenge"]):
            return JSONResponse({"error": "invalid_grant"}, 400)
        session = secrets.token_hex(8)
        self.generations[session] = (0, self.clock())
        return self._tokens(session, asked)

    def _refresh(self, refresh_token: str) -> Response:
        """Design §6.1: rotate, replay within the window, end the session for anything older."""
        session, _, number = refresh_token.partition(".")
        generation, rotated_at = self.generations[session]
        in_window = self.clock() < rotated_at + RETRY_WINDOW
        if session in self.ended or not (int(number) == generation or (int(number) == generation - 1 and in_window)):
            self.ended.add(session)
            return JSONResponse({"error": "invalid_grant"}, 400)
        if int(number) == generation:
            self.generations[session] = (generation + 1, self.clock())
        return self._tokens(session, None)

    def _tokens(self, session: str, asked: dict[str, str] | None) -> Response:
        access_token = f"at-{session}-{secrets.token_hex(300)}"
        refresh_token = f"{session}.{self.generations[session][0]}"
        claims = id_token_claims(
            issuer=ISSUER,
            subject="person-1",
            client_id="todo-web",
            session_id=session,
            nonce=asked.get("nonce") if asked else None,
            authenticated_at=self.clock(),
            methods=["pwd"],
            access_token=access_token,
            algorithm="ES256",
            now=self.clock(),
            lifetime=300,
            profile={"name": "Ada", "email": "ada@example.com"},
        )
        id_token = jwt.sign(_replaced(claims, self.claims), self.key, typ="JWT")
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": refresh_token,
            "id_token": id_token,
        }
        self.issued += [access_token, refresh_token, id_token]
        return JSONResponse(_replaced(answer, self.answer))

    async def _revoke(self, request: Request) -> Response:
        form = _form(await request.body())
        self.sent.append(form)
        self.ended.add(form["token"].partition(".")[0])
        return Response()

    async def _logout(self, _request: Request) -> Response:
        return PlainTextResponse("signed out at the issuer")

    def is_good(self, access_token: str) -> bool:
        """What an API that follows the revocations would say."""
        return access_token in self.issued and access_token.split("-")[1] not in self.ended


def _form(body: bytes) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in unquote_plus(body.decode()).split("&"))


def _replaced(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


@pytest.fixture
def network() -> Network:
    """A network on which nobody serves yet."""
    return Network()


@pytest.fixture
def issuer(network: Network, clock: FrozenClock) -> SmallIssuer:
    """The issuer, on the network."""
    issuer = SmallIssuer(clock)
    network.serve(ISSUER, issuer.app)
    return issuer


async def _no_sleep(_seconds: float) -> None:
    pass


@pytest.fixture
def issuer_transport() -> Callable[[httpx2.AsyncBaseTransport], IssuerTransport]:
    """Calls to an issuer without waiting between attempts."""

    def make(network: httpx2.AsyncBaseTransport) -> IssuerTransport:
        return IssuerTransport(network=network, sleep=_no_sleep)

    return make
