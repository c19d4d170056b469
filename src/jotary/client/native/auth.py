"""Attaches the access token to requests for one API, and refreshes it: for httpx2, httpx and requests."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx2

from jotary.client.native.signed_in import SignedIn
from jotary.client.transport import check_url
from jotary.oauth.secret import Secret

_UNAUTHORIZED: Final = 401


class SessionSource(Protocol):
    """Gives a session whose access token may be used; `refused` is one that the API did not take."""

    def __call__(self, *, refused: Secret | None = None) -> Awaitable[SignedIn]:
        """See `NativeApp.session`."""


class BearerAuth(httpx2.Auth):
    """The `auth=` of an HTTP client: `Authorization: Bearer` with a fresh access token (RFC 6750 §2.1).

    A token is sent to one origin and nowhere else; a request for another one raises ValueError. An API that answers
    401 to a request is asked once more, with another token. With httpx and requests, which call an `auth` of an unknown
    kind as a function, the token is attached and refreshed before it expires, and a 401 is left to the caller.

    Args:
        session: where the tokens come from.
        origin: of the API, such as `https://todo.example.com`.

    Raises:
        ProtocolError: `origin` is no URL to which a token may be sent: https, or http on loopback.
    """

    def __init__(self, session: SessionSource, *, origin: str) -> None:
        self._session = session
        self._origin = _origin(check_url(origin))

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """For `httpx2.Client`."""
        token = self._attach(request, _wait_for(self._session))
        response = yield request
        if response.status_code == _UNAUTHORIZED and _can_be_sent_again(request):
            session = _wait_for(lambda: self._session(refused=token))
            if not session.tokens.access_token.matches(token):
                self._attach(request, session)
                yield request

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """For `httpx2.AsyncClient`."""
        token = self._attach(request, await self._session())
        response = yield request
        if response.status_code == _UNAUTHORIZED and _can_be_sent_again(request):
            session = await self._session(refused=token)
            if not session.tokens.access_token.matches(token):
                self._attach(request, session)
                yield request

    def __call__(self, request: Any) -> Any:
        """For clients that take a function: attach the token to anything with `url` and `headers`; it blocks."""
        self._attach(request, _wait_for(self._session))
        return request

    def _attach(self, request: Any, session: SignedIn) -> Secret:
        if _origin(str(request.url)) != self._origin:
            raise ValueError(
                f"this auth is for {'{}://{}:{}'.format(*self._origin)}, and the request for another origin"
            )
        token = session.tokens.access_token
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        return token


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _can_be_sent_again(request: httpx2.Request) -> bool:
    """Whether the body is there and not a stream that has passed."""
    try:
        _ = request.content
    except httpx2.RequestNotRead:
        return False
    return True


def _wait_for(session: Callable[[], Awaitable[SignedIn]]) -> SignedIn:
    """Run in a loop of its own on a thread of its own, so that it works wherever a blocking client does."""

    async def ask() -> SignedIn:
        return await session()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(ask())).result()
