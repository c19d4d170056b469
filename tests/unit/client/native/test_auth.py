"""The token goes to one origin, fresh, and another one where it was refused (RFC 6750)."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx2
import pytest
import requests

from jotary.client.native import NativeApp, ProtocolError
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import SmallIssuer
    from tests.unit.client.native.conftest import MakeApp, MemoryStore

API = "https://api.example"


class API401(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """An API that says 401 to tokens that are not good, and remembers what it was sent."""

    def __init__(self, issuer: "SmallIssuer") -> None:
        self.refused: set[str] = set()
        self.seen: list[str] = []
        self._issuer = issuer

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request, whose body passes as it does on a network."""
        if isinstance(request.stream, httpx2.SyncByteStream):
            b"".join(request.stream)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.seen.append(token)
        return httpx2.Response(200 if self._issuer.is_good(token) and token not in self.refused else 401)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same, for the async client."""
        return self.handle_request(request)


@pytest.fixture
def api(issuer: "SmallIssuer") -> API401:
    """At https://api.example."""
    return API401(issuer)


@pytest.fixture
def app(make_app: "MakeApp", store: "MemoryStore", person: Callable[[str], None]) -> NativeApp:
    """An application whose person has signed in."""
    app = make_app(store)
    asyncio.run(app.login(show=person))
    return app


def blocking(app: NativeApp, api: API401, url: str = API, **request: Iterator[bytes]) -> int:
    """The status of one request by the blocking client."""
    with httpx2.Client(transport=api, auth=app.auth(API)) as client:
        return client.post(url, **request).status_code  # type: ignore[arg-type]  # content or nothing


def awaiting(app: NativeApp, api: API401, url: str = API) -> int:
    """The same by the async client."""

    async def ask() -> int:
        async with httpx2.AsyncClient(transport=api, auth=app.auth(API)) as client:
            return (await client.post(url)).status_code

    return asyncio.run(ask())


BOTH = pytest.mark.parametrize("call", [blocking, awaiting])


@BOTH
def test_the_token_is_attached_and_refreshed(
    call: Callable[..., int], app: NativeApp, api: API401, clock: FrozenClock
) -> None:
    """RFC 6750 §2.1; a new one before the old one has expired."""
    assert call(app, api) == 200
    clock.advance(299)
    assert call(app, api) == 200
    assert len(set(api.seen)) == 2


@BOTH
def test_a_refused_token_is_replaced_once(
    call: Callable[..., int], app: NativeApp, api: API401, clock: FrozenClock
) -> None:
    """An API may know earlier than the client that a token is no good; it is not asked for ever."""
    assert call(app, api) == 200
    api.refused.update(api.seen)
    assert call(app, api) == 401
    assert len(api.seen) == 2
    clock.advance(60)
    assert call(app, api) == 200
    assert len(api.seen) == 4


def test_a_body_that_has_passed_is_not_sent_again(app: NativeApp, api: API401, clock: FrozenClock) -> None:
    """Half a request would be worse than the 401."""
    assert blocking(app, api) == 200
    api.refused.update(api.seen)
    clock.advance(60)
    assert blocking(app, api, content=iter([b"once"])) == 401
    assert len(api.seen) == 2


@BOTH
@pytest.mark.parametrize(
    "url", ["https://evil.example", "http://api.example", "https://api.example:8443", "https://api.example.evil"]
)
def test_the_token_goes_nowhere_else(call: Callable[..., int], url: str, app: NativeApp, api: API401) -> None:
    """RFC 6750 §5.3: whoever gets the token is the person."""
    with pytest.raises(ValueError, match="another origin"):
        call(app, api, url)
    assert api.seen == []


def test_no_token_is_sent_in_the_clear(app: NativeApp) -> None:
    """RFC 6750 §5.3: TLS, but for loopback."""
    with pytest.raises(ProtocolError, match="https"):
        app.auth("http://api.example")


def test_a_blocking_client_works_where_a_loop_runs(app: NativeApp, api: API401) -> None:
    """As in a notebook."""

    async def scene() -> int:
        return blocking(app, api)

    assert asyncio.run(scene()) == 200


def test_requests_takes_it_as_a_function(app: NativeApp) -> None:
    """As httpx does, which is not among our dependencies."""
    prepared = requests.Request("GET", f"{API}/tasks", auth=app.auth(API)).prepare()
    token = asyncio.run(app.session()).tokens.access_token
    assert prepared.headers["Authorization"] == f"Bearer {token.reveal()}"
    with pytest.raises(ValueError, match="another origin"):
        requests.Request("GET", "https://evil.example", auth=app.auth(API)).prepare()
