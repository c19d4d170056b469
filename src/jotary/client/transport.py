"""The only network code of the client: short calls to the issuer, and streams to the APIs behind a proxy."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec

from jotary.client.errors import ProtocolError, UnavailableError
from jotary.oauth.loopback import is_loopback
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret

#: Bytes of an issuer's answer that are read at all.
MAX_ANSWER_SIZE: Final = 1 << 18
#: Seconds between attempts. All attempts together stay inside the issuer's retry window (design §6.1: 30 s).
RETRY_DELAYS: Final = (0.1, 0.5)
#: Seconds that one call to the issuer may take, from connecting to the last byte.
ISSUER_TIMEOUT: Final = 5.0

# Servers commonly close idle connections after 5 s; a request on one that is being closed would fail for nothing.
_LIMITS = httpx2.Limits(max_connections=256, max_keepalive_connections=32, keepalive_expiry=3.0)
_OVERLOADED = frozenset({429, 500, 502, 503, 504})
# RFC 9110 §15: others no server can pass on, and nobody asks an API for another protocol (101).
_FINAL_STATUSES = range(200, 600)

Sleep = Callable[[float], Awaitable[None]]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer of the issuer. It does not print its body, which may hold tokens."""

    status: int
    content_type: str | None
    body: bytes

    def __repr__(self) -> str:
        """Status and size."""
        return f"<Answer {self.status}, {len(self.body)} bytes>"


class Form(msgspec.Struct, frozen=True):
    """A form for the issuer, with the client's proof in it or beside it."""

    parameters: Parameters
    authorization: Secret | None = None  # the value of the Authorization header


def check_url(url: str) -> str:
    """Return the URL if secrets may be sent to it: https, or http on loopback, and no user information.

    Raises:
        ProtocolError: with what is wrong.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # parsed on access: a bad one raises here
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or "@" in parts.netloc:
        raise ProtocolError(f"{url[:200]!r} is not a URL with a host and without user information")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ProtocolError(f"{url[:200]!r} must be https (http only on 127.0.0.1, [::1] or localhost)")
    return url


class IssuerTransport:
    """Calls to the issuer: no redirects, no cookies, a time limit and a size limit on each.

    Args:
        network: what carries the requests; None opens connections, honouring the proxy variables of the environment.
        tls: for an issuer whose certificate the system does not know.
        sleep: waits so many seconds between attempts.
    """

    def __init__(
        self,
        *,
        network: httpx2.AsyncBaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._network = network
        self._tls = tls
        self._sleep = sleep
        self._opened: httpx2.AsyncClient | None = None

    def _client(self) -> httpx2.AsyncClient:
        if self._opened is None:
            self._opened = httpx2.AsyncClient(
                transport=self._network,
                verify=self._tls or True,
                timeout=ISSUER_TIMEOUT,
                follow_redirects=False,
                limits=_LIMITS,
                # What is not compressed cannot be a decompression bomb.
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "jotary"},
            )
            # All people's requests go through this one client: it must not remember cookies from one to the next.
            self._opened.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return self._opened

    async def get(self, url: str) -> Answer:
        """Fetch a document.

        Raises:
            UnavailableError: the network failed, or the issuer is overloaded.
            ProtocolError: the URL or the answer may not be used.
        """
        return await self._attempt("GET", url, b"", {})

    async def post(self, url: str, form: Callable[[], Form], *, repeatable: bool) -> Answer:
        """Post a form.

        Args:
            url: an endpoint of the issuer.
            form: makes the form; called once for each attempt.
            repeatable: whether it may be sent again when nobody knows if it arrived. A refresh may, within the
                issuer's retry window (design §6.1); a code must never, since its second use ends the session
                (RFC 6749 §4.1.2).

        Raises:
            UnavailableError: the network failed, or the issuer is overloaded.
            ProtocolError: the URL or the answer may not be used.
        """
        for delay in RETRY_DELAYS if repeatable else ():
            try:
                return await self._post_once(url, form())
            except UnavailableError:
                await self._sleep(delay)
        return await self._post_once(url, form())

    async def _post_once(self, url: str, form: Form) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if form.authorization is not None:
            headers["Authorization"] = form.authorization.reveal()
        return await self._attempt("POST", url, urlencode(form.parameters.pairs()).encode("ascii"), headers)

    async def _attempt(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        check_url(url)
        try:
            async with (
                asyncio.timeout(ISSUER_TIMEOUT),
                self._client().stream(method, url, content=body, headers=headers) as response,
            ):
                answer = await _read(response)
        except (httpx2.TransportError, TimeoutError) as error:
            raise UnavailableError(f"{_place(url)} did not answer ({type(error).__name__})") from error
        except httpx2.InvalidURL as error:
            raise ProtocolError(f"{url[:200]!r} is not a URL") from error
        if answer.status in _OVERLOADED:
            raise UnavailableError(f"{_place(url)} answered with HTTP status {answer.status}")
        return answer

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        client, self._opened = self._opened, None
        if client is not None:
            await client.aclose()


async def _read(response: httpx2.Response) -> Answer:
    """Read the body within its limit."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ProtocolError("the issuer's answer is compressed, which was not asked for")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_SIZE:
            raise ProtocolError(f"the issuer's answer is longer than {MAX_ANSWER_SIZE} bytes")
    return Answer(response.status_code, response.headers.get("content-type"), bytes(body))


def _place(url: str) -> str:
    """A URL without its query, for a log."""
    return url.partition("?")[0]


class UpstreamTimeoutError(UnavailableError):
    """The API was reached, or is being waited for, and did not answer in time."""


class UpstreamAnswer(msgspec.Struct, frozen=True, eq=False):
    """An answer whose body is still on its way. Whoever gets one closes it."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: AsyncIterator[bytes]
    aclose: Callable[[], Awaitable[None]]


class UpstreamTransport:
    """Streams to the APIs behind the proxy.

    It sits below httpx2's client on purpose: no cookies are remembered, no headers added, no redirects followed, no
    proxies of the environment used, and bodies pass as they are, compressed or not.

    Args:
        network: what carries the requests; None opens connections.
        tls: for an API whose certificate the system does not know.
        timeout: seconds without a byte, in either direction, after which a request is given up.
    """

    def __init__(
        self, *, network: httpx2.AsyncBaseTransport | None = None, tls: ssl.SSLContext | None = None, timeout: float
    ) -> None:
        self._given = network
        self._tls = tls
        self._timeouts = {"connect": min(5.0, timeout), "pool": min(5.0, timeout), "read": timeout, "write": timeout}
        self._opened: httpx2.AsyncBaseTransport | None = None

    def _network(self) -> httpx2.AsyncBaseTransport:
        if self._opened is None:
            self._opened = self._given or httpx2.AsyncHTTPTransport(verify=self._tls or True, limits=_LIMITS)
        return self._opened

    async def send(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes | AsyncIterator[bytes],
    ) -> UpstreamAnswer:
        """Send a request and return as soon as status and headers are there.

        Raises:
            UpstreamTimeoutError: the API took too long.
            UnavailableError: the API cannot be reached or does not speak HTTP.
        """
        request = httpx2.Request(
            method, url, headers=list(headers), content=content, extensions={"timeout": self._timeouts}
        )
        try:
            response = await self._network().handle_async_request(request)
        except httpx2.TimeoutException as error:
            raise UpstreamTimeoutError(f"{_place(url)} did not answer in time ({type(error).__name__})") from error
        except httpx2.TransportError as error:
            raise UnavailableError(f"{_place(url)} cannot be reached ({type(error).__name__})") from error
        if response.status_code not in _FINAL_STATUSES:
            await response.aclose()
            raise UnavailableError(f"{_place(url)} answered with HTTP status {response.status_code}")
        return UpstreamAnswer(response.status_code, response.headers.raw, response.aiter_raw(), response.aclose)

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        network, self._opened = self._opened, None
        if network is not None:
            await network.aclose()
