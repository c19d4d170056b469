"""Which headers cross the proxy, one by one: what the servers on either side would swallow themselves, too."""

import pytest

from jotary.client.bff.proxy.headers import request_headers, response_headers
from jotary.client.bff.settings import Route
from jotary.oauth.secret import Secret

TOKEN = Secret("at")
ROUTE = Route("/api", "https://api.example")
#: RFC 9110 §7.6.1, and what proxies have made of it.
OF_ONE_CONNECTION = [
    b"connection",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
]


@pytest.mark.parametrize(
    "name",
    [*OF_ONE_CONNECTION, b"content-length", b"host", b"cookie", b"authorization", b"sec-anything", b"x-forwarded-any"],
)
def test_a_request_does_not_bring_it(name: bytes) -> None:
    """RFC 9112 §6.1: a Transfer-Encoding that was undone here would let a second request be smuggled to the API."""
    sent = request_headers([(b"x-kept", b"1"), (name, b"chunked")], TOKEN)
    assert sent == [(b"x-kept", b"1"), (b"authorization", b"Bearer at")]


@pytest.mark.parametrize(
    "name",
    [
        b"CDN-Cache-Control",
        b"Cloudflare-CDN-Cache-Control",
        b"Surrogate-Control",
        b"X-Accel-Expires",
        b"X-Accel-Redirect",
        b"X-Sendfile",
        b"X-Lighttpd-Send-File",
    ],
)
def test_an_answer_gives_no_order_to_what_stands_in_front(name: bytes) -> None:
    """RFC 9213 §2.2: a cache that follows it reads no Cache-Control, and one person's answer would be everybody's.

    To a web server such a header is this application's word: which file it sends instead.
    """
    returned = dict(response_headers(200, [(b"x-accel-buffering", b"no"), (name, b"max-age=60")], ROUTE, []))
    assert name.lower() not in returned
    assert returned[b"x-accel-buffering"] == b"no"  # what streams asks for it
    assert returned[b"cache-control"] == b"no-store"


@pytest.mark.parametrize("name", [b"Accept-CH", b"Critical-CH", b"Set-Login", b"Secure-Session-Registration", b"Sec-X"])
def test_an_answer_does_not_speak_for_the_origin(name: bytes) -> None:
    """Browsers keep it for all addresses of the origin, or bind its cookies to it."""
    assert name.lower() not in dict(response_headers(200, [(name, b"1")], ROUTE, []))


@pytest.mark.parametrize(
    ("status", "also", "is_kept"),
    [
        (200, [], True),
        (404, [], True),
        (204, [], False),
        (304, [], False),
        (200, [(b"Transfer-Encoding", b"chunked")], False),
    ],
)
def test_a_length_that_is_not_the_bodys_is_not_passed_back(
    status: int, also: list[tuple[bytes, bytes]], *, is_kept: bool
) -> None:
    """RFC 9110 §8.6, RFC 9112 §6.3: the server to the browser would wait for that many bytes."""
    returned = dict(response_headers(status, [(b"Content-Length", b"7"), *also], ROUTE, []))
    assert (b"content-length" in returned) is is_kept


@pytest.mark.parametrize("value", [b"a\x00", b"a\x01b", b"\x1b[2J", b"\x7f", b"a\rb", b"a\nb"])
def test_a_value_that_no_server_sends_is_not_passed_back(value: bytes) -> None:
    """RFC 9110 §5.5: the server to the browser would give up the whole answer."""
    received = [(b"x-odd", value), (b"x-text", b"caf\xe9\t1")]
    returned = dict(response_headers(200, received, ROUTE, []))
    assert b"x-odd" not in returned
    assert returned[b"x-text"] == b"caf\xe9\t1"


@pytest.mark.parametrize(
    "name", [*OF_ONE_CONNECTION, b"Transfer-Encoding", b"Set-Cookie", b"Access-Control-Any", b"Date"]
)
def test_an_answer_does_not_bring_it(name: bytes) -> None:
    """RFC 9110 §7.6.1: the connection to the browser is another one; names are compared without regard to case."""
    returned = dict(response_headers(200, [(b"X-Kept", b"1"), (name, b"chunked")], ROUTE, []))
    assert returned[b"x-kept"] == b"1"
    assert name.lower() not in returned


def test_several_connection_headers_are_one_list() -> None:
    """RFC 9110 §5.3, §7.6.1: on the way to the API, and back."""
    received = [(b"connection", b"x-one"), (b"connection", b" X-Two\t"), (b"x-one", b"1"), (b"x-two", b"2")]
    assert request_headers(received, TOKEN) == [(b"authorization", b"Bearer at")]
    assert {b"x-one", b"x-two"}.isdisjoint(dict(response_headers(200, received, ROUTE, [])))


def test_a_directive_for_caches_has_no_case() -> None:
    """RFC 9111 §5.2: what the API says to shared caches stands."""
    returned = dict(response_headers(200, [(b"cache-control", b"Public, max-age=60")], ROUTE, []))
    assert returned[b"cache-control"] == b"Public, max-age=60"
