"""The backend-for-frontend as ASGI middleware (RFC 10017 §6.1). The composition root: clock and entropy start here."""

import contextlib
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import quote

import httpx2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.client.bff.answers import problem
from jotary.client.bff.cookies import parse_cookies
from jotary.client.bff.forgery import refusal
from jotary.client.bff.keeper import SessionKeeper
from jotary.client.bff.lifespan import run_lifespan
from jotary.client.bff.me import Me
from jotary.client.bff.proxy.path import find_route
from jotary.client.bff.proxy.proxy import Proxy
from jotary.client.bff.sealing import Sealer
from jotary.client.bff.session import SessionCookies
from jotary.client.bff.settings import (
    AUTH_PREFIX,
    MAX_BODY_SIZE,
    SESSION_LIFETIME,
    UPSTREAM_TIMEOUT,
    Route,
    read_settings,
)
from jotary.client.bff.sign_in import SignIn
from jotary.client.bff.sign_out import SignOut
from jotary.client.bff.transaction import TransactionCookies
from jotary.client.client_authentication import Credentials, PrivateKeyJWT, PublicClient, SecretBasic
from jotary.client.provider import Provider
from jotary.client.transport import IssuerTransport, UpstreamTransport
from jotary.jose import Key
from jotary.oauth.secret import Secret

Clock = Callable[[], int]
Entropy = Callable[[int], bytes]
Endpoint = Callable[[Request, dict[str, str]], Awaitable[Response]]


def _unix_time() -> int:
    return int(time.time())


class BFF:
    """ASGI middleware that signs people in, keeps their tokens out of JavaScript, and calls APIs for them.

    It answers `/auth/login`, `/auth/callback`, `/auth/me`, `/auth/logout` and everything below the prefixes of
    `proxy`; all else goes to `app`.

    Args:
        app: the application: pages, scripts, style sheets.
        issuer: the identifier of the sign-in service.
        client_id: this application, as the issuer knows it.
        client_secret: for `client_secret_basic`.
        client_key: a private key, for `private_key_jwt` instead of a secret.
        secret: at least 32 random bytes that seal the cookies; or several such secrets, of which the first one seals
            and all open, to replace one without signing anybody out.
        base_url: the origin under which browsers reach this application, such as `https://app.example.com`.
        scopes: values of the scope parameter, `openid` among them.
        resource: the API, or APIs, that the access token is for (RFC 8707).
        proxy: for each path prefix the API behind it: with `{"/api": "http://127.0.0.1:8002"}`, `/api/todos` is
            `http://127.0.0.1:8002/todos`.
        session_lifetime: seconds after which a person signs in again.
        signed_out_path: where the browser ends up after signing out.
        max_body_size: bytes of a request body that the proxy passes on.
        upstream_timeout: seconds without a byte after which an API is given up.
        allow_cleartext_upstreams: let access tokens travel to APIs over plain http beyond this machine.
        tls: for issuers and APIs whose certificates the system does not know.
        network: what carries requests to issuer and APIs; for tests that wire applications in memory.
        clock: Unix seconds.
        entropy: so many bytes that nobody can guess.

    Raises:
        ValueError: with what to change.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        issuer: str,
        client_id: str,
        client_secret: str | Secret | None = None,
        client_key: Key | None = None,
        secret: bytes | Sequence[bytes],
        base_url: str,
        scopes: Sequence[str] = ("openid", "profile", "email"),
        resource: str | Sequence[str] | None = None,
        proxy: Mapping[str, str] = MappingProxyType({}),
        session_lifetime: int = SESSION_LIFETIME,
        signed_out_path: str = "/",
        max_body_size: int = MAX_BODY_SIZE,
        upstream_timeout: float = UPSTREAM_TIMEOUT,
        allow_cleartext_upstreams: bool = False,
        tls: ssl.SSLContext | None = None,
        network: httpx2.AsyncBaseTransport | None = None,
        clock: Clock = _unix_time,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self._app = app
        self._settings = read_settings(
            base_url=base_url,
            scopes=scopes,
            resource=resource,
            proxy=proxy,
            session_lifetime=session_lifetime,
            signed_out_path=signed_out_path,
            max_body_size=max_body_size,
            allow_cleartext_upstreams=allow_cleartext_upstreams,
        )
        self._to_issuer = IssuerTransport(network=network, tls=tls)
        self._to_apis = UpstreamTransport(network=network, tls=tls, timeout=upstream_timeout)
        credentials = _credentials(client_id, client_secret, client_key)
        provider = Provider(
            issuer=issuer, credentials=credentials, transport=self._to_issuer, clock=clock, entropy=entropy
        )
        self._compose(provider, Sealer([secret] if isinstance(secret, bytes) else secret), clock, entropy)

    def _compose(self, provider: Provider, sealer: Sealer, clock: Clock, entropy: Entropy) -> None:
        """Put the parts together."""
        self._keeper = SessionKeeper(provider, SessionCookies(sealer, entropy), clock)
        self._proxy = Proxy(self._keeper, self._to_apis, max_body_size=self._settings.max_body_size)
        sign_in = SignIn(
            settings=self._settings,
            provider=provider,
            transactions=TransactionCookies(sealer, entropy),
            keeper=self._keeper,
            clock=clock,
            entropy=entropy,
        )
        sign_out = SignOut(self._settings, provider, self._keeper, sealer, entropy)
        self._endpoints: Mapping[str, Mapping[str, Endpoint]] = {
            f"{AUTH_PREFIX}/login": {"GET": sign_in.login},
            f"{AUTH_PREFIX}/callback": {"GET": sign_in.callback},
            f"{AUTH_PREFIX}/logout": {"GET": sign_out.leave, "POST": sign_out.end},
            f"{AUTH_PREFIX}/me": {"GET": Me(self._keeper, clock)},
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is ours; pass the rest to the application."""
        if scope["type"] == "lifespan":
            await run_lifespan(self._app, scope, receive, send, at_shutdown=self.aclose)
            return
        path = _path_as_sent(scope)
        route = find_route(path, self._settings.routes)
        is_ours = path == AUTH_PREFIX or path.startswith(f"{AUTH_PREFIX}/")
        if route is None and not is_ours:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await _refuse_websocket(scope, receive, send)
        else:
            with contextlib.suppress(ClientDisconnect):
                response = await self._answer(Request(scope, receive), path, route)
                await response(scope, receive, send)

    async def _answer(self, request: Request, path: str, route: Route | None) -> Response:
        reason = refusal(request.method, request.headers, origin=self._settings.origin)
        if reason is not None:
            return problem(403, reason)
        present = parse_cookies(value for name, value in request.headers.raw if name == b"cookie")
        if route is not None:
            return await self._proxy(request, route, path, present)
        endpoints = self._endpoints.get(path)
        if endpoints is None:
            return problem(404, f"There is nothing at this address below {AUTH_PREFIX}.")
        endpoint = endpoints.get(request.method)
        if endpoint is None:
            return problem(405, "Use another method.", headers={"Allow": ", ".join(endpoints)})
        return await endpoint(request, present)

    async def aclose(self) -> None:
        """Finish refreshes that are under way and close the connections. The lifespan does it; tests may."""
        await self._keeper.aclose()
        await self._to_issuer.aclose()
        await self._to_apis.aclose()


def _credentials(client_id: str, client_secret: str | Secret | None, client_key: Key | None) -> Credentials:
    if client_secret is not None and client_key is not None:
        raise ValueError("give either client_secret or client_key")
    if client_key is not None:
        return PrivateKeyJWT(client_id, client_key)
    if client_secret is None:
        return PublicClient(client_id)
    return SecretBasic(client_id, client_secret if isinstance(client_secret, Secret) else Secret(client_secret))


def _path_as_sent(scope: Scope) -> str:
    """The path with its percent-encoding: what is decided by it must not depend on who decodes it, or how often."""
    raw_path: bytes | None = scope.get("raw_path")
    return quote(scope["path"]) if raw_path is None else raw_path.partition(b"?")[0].decode("latin-1")


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """A WebSocket would outlive its access token, and browsers open them across sites without asking."""
    await receive()
    if "websocket.http.response" in scope.get("extensions", {}):
        await problem(501, "WebSockets are not passed on.")(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": "WebSockets are not passed on."})
