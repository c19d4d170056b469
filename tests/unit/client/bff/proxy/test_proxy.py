"""What crosses the proxy and what does not, seen from both ends."""

from typing import TYPE_CHECKING, Any

import anyio
import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from jotary.client.bff.proxy import body

if TYPE_CHECKING:
    from tests.unit.client.conftest import World

pytestmark = pytest.mark.anyio

KEPT = {
    "Accept": "text/html",
    "Accept-Language": "de",
    "Content-Type": "application/json",
    "If-None-Match": '"1"',
    "Idempotency-Key": "k",
    "User-Agent": "test",
    "X-Request-ID": "r",
    "traceparent": "00-1",
}
DROPPED = {
    "Authorization": "Bearer stolen",
    "Proxy-Authorization": "Basic eDp5",
    "Cookie2": "x",
    "DPoP": "x",
    "Forwarded": "for=1.2.3.4",
    "X-Forwarded-For": "1.2.3.4",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Anything": "x",
    "X_Forwarded_For": "1.2.3.4",
    "Content_Length": "0",
    "X-Real-IP": "1.2.3.4",
    "True-Client-IP": "1.2.3.4",
    "CF-Connecting-IP": "1.2.3.4",
    "X-Original-URL": "/admin",
    "X-Rewrite-URL": "/admin",
    "X-HTTP-Method-Override": "DELETE",
    "X-Method-Override": "DELETE",
    "Connection": "close, X-Listed",
    "Keep-Alive": "x",
    "Proxy-Connection": "x",
    "TE": "trailers",
    "Upgrade": "h2c",
    "Expect": "100-continue",
    "X-Listed": "x",
    "Origin": "https://app.example",
    "Referer": "https://app.example/secret",
    "X-CSRF": "1",
    "Sec-Fetch-Site": "same-origin",
}


async def test_the_api_gets_what_is_meant_for_it(world: "World") -> None:
    """The browser's headers about the request, and the access token; nothing of connection, session or origin."""
    browser = await world.signed_in()
    await browser.send("POST", "/api/todos", {**KEPT, **DROPPED}, b"{}")
    (received,) = world.api.requests
    for name, value in KEPT.items():
        assert received.headers[name] == value
    assert received.headers.getlist("authorization") == [f"Bearer {world.issuer.issued[0]}"]
    assert received.headers["host"] == "api.example"
    assert received.headers["content-length"] == "2"
    for name in DROPPED.keys() - {"Authorization"}:
        assert name not in received.headers
    assert set(received.headers) == {name.lower() for name in KEPT} | {"authorization", "host", "content-length"}


async def test_the_browser_gets_the_answer_and_nothing_that_acts_on_the_origin(world: "World") -> None:
    """No cookie, no permission for other origins, no policy of the API's making."""
    kept = {"ETag": '"1"', "X-Total": "3", "Content-Type": "application/json", "Cache-Control": "max-age=60"}
    dropped = {
        "Set-Cookie": "__Host-session=evil; Path=/; Secure",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Credentials": "true",
        "Clear-Site-Data": '"*"',
        "Strict-Transport-Security": "max-age=0",
        "Service-Worker-Allowed": "/",
        "Refresh": "0;url=https://evil.example",
        "Report-To": "x",
        "NEL": "x",
        "Alt-Svc": "h3",
        "Connection": "X-Listed",
        "X-Listed": "x",
        "Server": "x",
        "Timing-Allow-Origin": "*",
    }
    world.api.response = lambda _request: Response(b"[]", headers={**kept, **dropped})
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos")
    assert answer.content == b"[]"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["x-total"] == "3"
    assert answer.headers["cache-control"] == "max-age=60, private"
    for name in dropped:
        assert name not in answer.headers


async def test_an_answer_of_the_api_never_becomes_a_page_of_the_origin(world: "World") -> None:
    """Opened in the browser, HTML or SVG runs no script and reads nothing: sandboxed, whatever the API says."""
    world.api.response = lambda _request: Response(
        b"<script>alert(1)</script>", media_type="text/html", headers={"Content-Security-Policy": "script-src *"}
    )
    browser = await world.signed_in()
    answer = await browser.fetch("/api/page")
    assert answer.headers.get_list("content-security-policy") == ["sandbox; default-src 'none'; frame-ancestors 'none'"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, "no-store"),
        ("max-age=60", "max-age=60, private"),
        ("private, max-age=60", "private, max-age=60"),
        ("public, max-age=60", "public, max-age=60"),
        ("no-store", "no-store"),
        ("s-maxage=10", "s-maxage=10"),
    ],
)
async def test_a_shared_cache_never_mixes_people(world: "World", said: str | None, expected: str) -> None:
    """RFC 9111 §3.5 protects answers to Authorization; here there is only a cookie, so the answer says it."""
    world.api.response = lambda _request: Response(b"[]", headers={"Cache-Control": said} if said else {})
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos")
    assert answer.headers.get_list("cache-control") == [expected]
    assert "Cookie" in answer.headers.get_list("vary")


async def test_an_answer_that_carries_a_session_is_never_stored(world: "World") -> None:
    """Whatever the API says: the next one to get it from a cache would be signed in as this person."""
    world.api.response = lambda _request: Response(b"[]", headers={"Cache-Control": "public, max-age=3600"})
    browser = await world.signed_in()
    world.clock.advance(250)
    answer = await browser.fetch("/api/todos")
    assert "set-cookie" in answer.headers
    assert answer.headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 403, 404, 409, 418, 422, 500, 503])
async def test_every_status_is_the_apis(world: "World", status: int) -> None:
    """Errors too: they are for the page's script, not for the proxy."""
    world.api.response = lambda _request: Response(status_code=status)
    browser = await world.signed_in()
    assert (await browser.fetch("/api/todos")).status_code == status


async def test_redirects_are_passed_back_and_not_followed(world: "World") -> None:
    """The token goes to no other address than the one that was set up."""
    world.api.response = lambda _request: RedirectResponse("https://api.example/v1/elsewhere")
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos")
    assert answer.status_code == 307
    assert answer.headers["location"] == "/api/elsewhere"
    assert len(world.api.requests) == 1


@pytest.mark.parametrize("path", ["/api/../admin", "/api/%2e%2e/admin", "/api//evil.example/", "/api/a%2fb"])
async def test_a_path_that_could_leave_the_route_is_refused(world: "World", path: str) -> None:
    """The list of tricks stands in test_path; here the request itself, as a client that normalises nothing sends it."""
    browser = await world.signed_in()
    sent = await raw_request(world, browser.cookies["__Host-session"], path.encode(), chunks=[b""])
    assert sent[0]["status"] == 400
    assert world.api.requests == []


async def raw_request(
    world: "World", session: str, raw_path: bytes, *, chunks: list[bytes | None], length: bytes = b"0"
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
        "query_string": b"",
        "headers": [
            (b"host", b"app.example"),
            (b"cookie", f"__Host-session={session}".encode()),
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

    await world.bff(scope, receive, send)
    return sent


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "PROPFIND", "GETX"])
async def test_other_methods_are_not_passed_on(world: "World", method: str) -> None:
    """TRACE would send the access token back into the page (RFC 9110 §9.3.8)."""
    browser = await world.signed_in()
    assert (await browser.fetch("/api/todos", method)).status_code == 405
    assert world.api.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_methods_of_apis_are_passed_on(world: "World", method: str) -> None:
    """With body and query."""
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos?x=1", method, b"body" if method in {"POST", "PUT", "PATCH"} else b"")
    assert answer.status_code == 200
    assert world.api.requests[0].method == method
    assert world.api.requests[0].url.query == "x=1"


async def test_a_body_of_any_size_within_the_limit_arrives(world: "World") -> None:
    """Small ones are kept for a second attempt, large ones streamed."""
    browser = await world.signed_in()
    for size in (0, 1, 1 << 20, (1 << 20) + 1, 3 << 20):
        content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        assert (await browser.fetch("/api/todos", "PUT", content)).status_code == 200
        assert world.api.bodies[-1] == content


@pytest.mark.parametrize("headers", [{}, {"Transfer_Encoding": "chunked"}])
async def test_a_body_beyond_the_limit_is_refused(world: "World", headers: dict[str, str]) -> None:
    """413, whether it is declared at the start or found in the middle of the stream."""
    browser = await world.signed_in()
    for limit, size in ((10, 11), (2 << 20, (2 << 20) + 1)):
        world.start(max_body_size=limit)
        answer = await browser.fetch("/api/todos", "PUT", b"x" * size, **headers)
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await browser.fetch("/api/todos", "PUT", b"x" * limit, **headers)).status_code == 200
    assert [len(body) for body in world.api.bodies] == [10, 2 << 20]


async def test_a_body_that_is_declared_too_large_is_not_even_read(world: "World") -> None:
    """Nothing of it is passed on, and nothing kept."""
    browser = await world.signed_in()
    cookie = browser.cookies["__Host-session"]
    sent = await raw_request(world, cookie, b"/api/todos", length=b"99999999999", chunks=[])
    assert sent[0]["status"] == 413


async def test_a_browser_that_goes_away_while_it_sends_is_no_error(world: "World") -> None:
    """No exception reaches the server, and no half request the API."""
    browser = await world.signed_in()
    cookie = browser.cookies["__Host-session"]
    assert await raw_request(world, cookie, b"/api/todos", length=b"9", chunks=[b"half"]) == []
    assert await raw_request(world, cookie, b"/api/todos", length=b"9999999", chunks=[b"h" * 1_500_000]) == []
    assert world.api.bodies == []


async def test_a_browser_that_stops_sending_is_not_waited_for(world: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    """408, and the connection to the API is not held open either."""
    monkeypatch.setattr(body, "PATIENCE", 0.01)
    browser = await world.signed_in()
    cookie = browser.cookies["__Host-session"]
    for first in (b"half", b"h" * 1_500_000):
        sent = await raw_request(world, cookie, b"/api/todos", length=b"9999999", chunks=[first, None])
        assert sent[0]["status"] == 408
    assert world.api.bodies == []


async def test_a_large_body_is_not_sent_twice(world: "World") -> None:
    """It is not kept, so a refused token is passed back, and the next request has a new one."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refused.add(world.issuer.issued[0])
    answer = await browser.fetch("/api/todos", "PUT", b"x" * (2 << 20))
    assert answer.status_code == 401
    assert len(world.api.requests) == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (httpx2.ConnectError("x"), 502),
        (httpx2.ReadError("x"), 502),
        (httpx2.RemoteProtocolError("x"), 502),
        (httpx2.ConnectTimeout("x"), 504),
        (httpx2.ReadTimeout("x"), 504),
        (httpx2.PoolTimeout("x"), 504),
    ],
)
async def test_an_api_that_is_down_is_a_problem_and_no_stack_trace(
    world: "World", fault: Exception, status: int
) -> None:
    """RFC 9110 §15.6.3, §15.6.5; the session stays, refreshed if it was due."""
    browser = await world.signed_in()
    before = dict(browser.cookies)
    world.clock.advance(250)
    world.network.fail("https://api.example/v1/todos", fault)
    answer = await browser.fetch("/api/todos")
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert "api.example" not in answer.text
    assert browser.cookies.keys() == before.keys()
    assert browser.cookies != before


async def test_an_api_cannot_give_one_persons_cookie_to_another(world: "World") -> None:
    """All people share one connection pool: it keeps no cookies between them."""
    world.api.response = lambda request: JSONResponse(
        request.headers.get("cookie"), headers={"Set-Cookie": "tracked=1; Path=/"}
    )
    ada, bob = await world.signed_in(), await world.signed_in()
    assert (await ada.fetch("/api/todos")).json() is None
    assert (await bob.fetch("/api/todos")).json() is None
    assert "tracked" not in ada.cookies


async def test_each_prefix_has_its_own_api(world: "World") -> None:
    """And the longest one wins."""
    seen: list[str] = []

    def remember(request: Request) -> Response:
        seen.append(str(request.url))
        return Response()

    world.api.response = remember
    world.start(proxy={"/api": "https://api.example", "/api/v2": "https://api.example/two/"})
    browser = await world.signed_in()
    await browser.fetch("/api/x")
    await browser.fetch("/api/v2/x")
    await browser.fetch("/api/v22")
    assert seen == ["https://api.example/x", "https://api.example/two/x", "https://api.example/v22"]


async def test_what_is_not_below_a_prefix_is_the_applications(world: "World") -> None:
    """Without the session's token, and whatever the spelling."""
    browser = await world.signed_in()
    for path in ("/", "/apix", "/static/app.js", "/%61pi/todos", "/authors"):
        answer = await browser.fetch(path)
        assert answer.text.startswith("page /")
    assert world.api.requests == []
