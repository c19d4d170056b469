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
    "name", [*OF_ONE_CONNECTION, b"Transfer-Encoding", b"Set-Cookie", b"Access-Control-Any", b"Date"]
)
def test_an_answer_does_not_bring_it(name: bytes) -> None:
    """RFC 9110 §7.6.1: the connection to the browser is another one; names are compared without regard to case."""
    returned = dict(response_headers([(b"X-Kept", b"1"), (name, b"chunked")], ROUTE, []))
    assert returned[b"x-kept"] == b"1"
    assert name.lower() not in returned


def test_several_connection_headers_are_one_list() -> None:
    """RFC 9110 §5.3, §7.6.1: on the way to the API, and back."""
    received = [(b"connection", b"x-one"), (b"connection", b" X-Two\t"), (b"x-one", b"1"), (b"x-two", b"2")]
    assert request_headers(received, TOKEN) == [(b"authorization", b"Bearer at")]
    assert {b"x-one", b"x-two"}.isdisjoint(dict(response_headers(received, ROUTE, [])))


def test_a_directive_for_caches_has_no_case() -> None:
    """RFC 9111 §5.2: what the API says to shared caches stands."""
    returned = dict(response_headers([(b"cache-control", b"Public, max-age=60")], ROUTE, []))
    assert returned[b"cache-control"] == b"Public, max-age=60"
