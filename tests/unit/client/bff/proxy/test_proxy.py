"""What crosses the proxy and what does not, seen from both ends."""

from typing import TYPE_CHECKING

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

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
    "X-Client-IP": "1.2.3.4",
    "X-Cluster-Client-IP": "1.2.3.4",
    "CF-Connecting-IP": "1.2.3.4",
    "X-Original-Host": "evil.example",
    "X-Original-URL": "/admin",
    "X-Rewrite-URL": "/admin",
    "X-HTTP-Method": "DELETE",
    "X-HTTP-Method-Override": "DELETE",
    "X-Method-Override": "DELETE",
    "Connection": "close, X-Listed",
    "Keep-Alive": "x",
    "Proxy-Connection": "x",
    "TE": "trailers",
    "Trailer": "x",
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
        "Content-Security-Policy-Report-Only": "default-src 'none'; report-uri https://evil.example",
        "Expect-CT": "x",
        "Proxy-Authenticate": "Basic",
        "Origin-Agent-Cluster": "?0",
        "Public-Key-Pins": "x",
        "Reporting-Endpoints": 'x="https://evil.example"',
        "Set-Cookie2": "x",
        "X-Permitted-Cross-Domain-Policies": "all",
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
    said = {
        "Content-Security-Policy": "script-src *",
        "X-Content-Type-Options": "sniff",
        "X-Frame-Options": "ALLOWALL",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    world.api.response = lambda _request: Response(b"<script>alert(1)</script>", media_type="text/html", headers=said)
    browser = await world.signed_in()
    answer = await browser.fetch("/api/page")
    assert {name: answer.headers.get_list(name) for name in said} == {
        "Content-Security-Policy": ["sandbox; default-src 'none'; frame-ancestors 'none'"],
        "X-Content-Type-Options": ["nosniff"],
        "X-Frame-Options": ["DENY"],
        "Cross-Origin-Resource-Policy": ["same-origin"],
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, "no-store"),
        ("max-age=60", "max-age=60, private"),
        ("private, max-age=60", "private, max-age=60"),
        ("public, max-age=60", "public, max-age=60"),
        ("no-store", "no-store"),
        ("s-maxage=10", "s-maxage=10"),
        ("max-age=60 ,\tno-store", "max-age=60 ,\tno-store"),
        ('private="x-total", max-age=60', 'private="x-total", max-age=60, private'),
        ("max-age=60, x=public", "max-age=60, x=public, private"),
        ("not-public, max-age=60", "not-public, max-age=60, private"),
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
    sent = await world.raw(browser, path.encode(), chunks=[b""])
    assert sent[0]["status"] == 400
    assert world.api.requests == []


async def test_a_query_that_is_not_ascii_is_refused(world: "World") -> None:
    """RFC 3986 §2: it would have to be percent-encoded; and it is no exception for the server."""
    browser = await world.signed_in()
    sent = await world.raw(browser, b"/api/todos", query=b"q=\xff", chunks=[b""])
    assert sent[0]["status"] == 400


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "PROPFIND", "GETX"])
async def test_other_methods_are_not_passed_on(world: "World", method: str) -> None:
    """TRACE would send the access token back into the page (RFC 9110 §9.3.8)."""
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos", method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"  # RFC 9110 §15.5.6
    assert world.api.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
async def test_the_methods_of_apis_are_passed_on(world: "World", method: str) -> None:
    """With body and query."""
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos?x=1", method, b"body" if method in {"POST", "PUT", "PATCH"} else b"")
    assert answer.status_code == 200
    assert world.api.requests[0].method == method
    assert world.api.requests[0].url.query == "x=1"


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
    world: "World", fault: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 9110 §15.6.3, §15.6.5; the session stays, refreshed if it was due. Where it was is for the log alone."""
    browser = await world.signed_in()
    before = dict(browser.cookies)
    world.clock.advance(250)
    world.network.fail("https://api.example/v1/todos", fault)
    answer = await browser.fetch("/api/todos")
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert "api.example" not in answer.text
    assert "https://api.example/v1/todos" in caplog.records[-1].message
    assert browser.cookies.keys() == before.keys()
    assert browser.cookies != before


async def test_an_answer_that_is_not_http_is_a_problem(world: "World") -> None:
    """RFC 9110 §15: no server can pass on a status beyond 599; an exception in it would be 500 and a stack trace."""
    world.api.response = lambda _request: Response(status_code=999)
    browser = await world.signed_in()
    assert (await browser.fetch("/api/todos")).status_code == 502


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


@pytest.mark.parametrize("address", ["/api/" + "a" * 70_000, "/api/todos?" + "a" * 70_000])
async def test_an_address_that_is_too_long_is_refused(world: "World", address: str) -> None:
    """RFC 9110 §15.5.15: a problem for the page's script, and no exception for the server."""
    browser = await world.signed_in()
    path, _, query = address.partition("?")
    sent = await world.raw(browser, path.encode(), query=query.encode(), chunks=[b""])
    assert sent[0]["status"] == 414
    assert world.api.requests == []
