"""Attaches an access token to requests for one API, and another one where it was refused (RFC 6750 §2.1)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import httpx2

from jotary.client.token_endpoint import TokenSet
from jotary.client.transport import check_url
from jotary.oauth.secret import Secret

_UNAUTHORIZED: Final = 401


class TokenSource(Protocol):
    """Gives tokens of which the access token may be used.

    `refused` is one that the API did not take: another one is wanted. The same one again says that there is none.
    """

    async def fresh(self, *, refused: Secret | None = None) -> TokenSet:
        """For who runs in an event loop."""

    def fresh_blocking(self, *, refused: Secret | None = None) -> TokenSet:
        """For who does not."""


class Session(Protocol):
    """Whatever has tokens, such as the session of a person who is signed in."""

    @property
    def tokens(self) -> TokenSet:
        """The newest."""


class SessionSource(Protocol):
    """Gives a session whose access token may be used; `refused` is one that the API did not take."""

    def __call__(self, *, refused: Secret | None = None) -> Awaitable[Session]:
        """See `NativeApp.session`."""


class SessionTokens:
    """A session's tokens, as a `TokenSource` gives them."""

    def __init__(self, session: SessionSource) -> None:
        self._session = session

    async def fresh(self, *, refused: Secret | None = None) -> TokenSet:
        """Raises as the session's source."""
        return (await self._session(refused=refused)).tokens

    def fresh_blocking(self, *, refused: Secret | None = None) -> TokenSet:
        """Run in a loop of its own on a thread of its own, so that it works wherever a blocking client does."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(lambda: asyncio.run(self.fresh(refused=refused))).result()


class BearerFlow:
    """What an `auth=` does with a request, for every client whose requests have `url` and `headers`.

    A token is sent to one origin and nowhere else; a request for another one raises ValueError. An API that answers
    401 to a request is asked once more, with another token. Clients that take a function call it as one: the token is
    attached, and a 401 is left to the caller.

    Args:
        source: where the tokens come from.
        origin: of the API, such as `https://todo.example.com`.

    Raises:
        ProtocolError: `origin` is no URL to which a token may be sent: https, or http on loopback.
    """

    def __init__(self, source: TokenSource, *, origin: str) -> None:
        self._source = source
        self._origin = _origin(check_url(origin))

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """For blocking clients."""
        self._check_origin(request)
        token = self._attach(request, self._source.fresh_blocking())
        response = yield request
        if self._may_be_asked_again(request, response):
            tokens = self._source.fresh_blocking(refused=token)
            if not tokens.access_token.matches(token):
                self._attach(request, tokens)
                yield request

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """For clients in an event loop."""
        self._check_origin(request)
        token = self._attach(request, await self._source.fresh())
        response = yield request
        if self._may_be_asked_again(request, response):
            tokens = await self._source.fresh(refused=token)
            if not tokens.access_token.matches(token):
                self._attach(request, tokens)
                yield request

    def __call__(self, request: Any) -> Any:
        """For clients that take a function; it blocks."""
        self._check_origin(request)
        self._attach(request, self._source.fresh_blocking())
        return request

    @staticmethod
    def _attach(request: Any, tokens: TokenSet) -> Secret:
        request.headers["Authorization"] = f"Bearer {tokens.access_token.reveal()}"
        return tokens.access_token

    def _check_origin(self, request: Any) -> None:
        if _origin(str(request.url)) != self._origin:
            raise ValueError(
                f"this auth is for {'{}://{}:{}'.format(*self._origin)}, and the request for another origin"
            )

    def _may_be_asked_again(self, request: Any, response: Any) -> bool:
        """Whether the API itself refused, and not what it redirected to; and the body is there to be sent."""
        if response.status_code != _UNAUTHORIZED or _origin(str(response.url)) != self._origin:
            return False
        try:
            _ = request.content
        except RuntimeError:  # RequestNotRead of httpx and of httpx2
            return False
        return True


class BearerAuth(BearerFlow, httpx2.Auth):
    """The `auth=` of httpx2: `Authorization: Bearer` with a fresh access token of a session, as `BearerFlow` has it.

    requests, and httpx, which call an `auth` of an unknown kind as a function, get the token attached and refreshed
    before it expires; `jotary.integrations.httpx` has one that does it all for httpx.

    Args:
        session: where the tokens come from.
        origin: of the API, such as `https://todo.example.com`.

    Raises:
        ProtocolError: `origin` is no URL to which a token may be sent: https, or http on loopback.
    """

    def __init__(self, session: SessionSource, *, origin: str) -> None:
        super().__init__(SessionTokens(session), origin=origin)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
