"""Redirect URIs: RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth import redirect_uri
from jotary.oauth.errors import OAuthError

REGISTERED = "https://todo.example.com/auth/callback"

NEARLY = [
    "https://todo.example.com/auth/callback/",
    "https://todo.example.com/auth/callback?",
    "https://todo.example.com/auth/callback?x=1",
    "https://todo.example.com/auth/callback#",
    "https://todo.example.com/auth/Callback",
    "https://TODO.example.com/auth/callback",
    "https://todo.example.com:443/auth/callback",
    "https://todo.example.com./auth/callback",
    "https://todo.example.com@evil.example/auth/callback",
    "https://evil.example/https://todo.example.com/auth/callback",
    "https://todo.example.com/auth/x/../callback",
    "https://todo.example.com/auth%2Fcallback",
    "https://todo.example.com\\@evil.example/auth/callback",
    "http://todo.example.com/auth/callback",
    " https://todo.example.com/auth/callback",
    "https://todo.example.com/auth/callback\n",
    "//todo.example.com/auth/callback",
    "/auth/callback",
    "",
]


@pytest.mark.parametrize("requested", NEARLY)
@pytest.mark.parametrize("client_type", ["web", "native"])
def test_only_the_exact_string_matches(requested: str, client_type: str) -> None:
    """RFC 9700 §4.1.3: simple string comparison."""
    assert redirect_uri.matches(REGISTERED, [REGISTERED], client_type=client_type)
    assert not redirect_uri.matches(requested, [REGISTERED], client_type=client_type)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("port", ["", ":1", ":49152", ":65535"])
def test_a_native_client_chooses_its_loopback_port(host: str, port: str) -> None:
    """RFC 8252 §7.3: any port at request time."""
    registered = [f"http://{host}/callback"]
    assert redirect_uri.matches(f"http://{host}{port}/callback", registered, client_type="native")


@pytest.mark.parametrize(
    "requested",
    [
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:8a/callback",
        "http://127.0.0.1:\u0661/callback",
        "http://127.0.0.1:80@evil.example/callback",
        "http://127.0.0.1:80.evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1:80/callback/",
        "http://127.0.0.1:80/callback?x=1",
        "http://127.0.0.1:80/callback#x",
        "http://127.0.0.1:80/callback\n",
        "http://127.0.0.2:80/callback",
        "http://localhost:80/callback",
        "https://127.0.0.1:80/callback",
        "http://[::1]:80/callback",
    ],
)
def test_nothing_but_the_port_is_free(requested: str) -> None:
    """RFC 8252 §7.3 and §8.3: loopback address literals only; the rest of the URI stays exact."""
    assert not redirect_uri.matches(requested, ["http://127.0.0.1/callback"], client_type="native")


def test_a_web_client_has_no_free_port() -> None:
    """The exception of RFC 8252 is for native clients."""
    registered = ["http://127.0.0.1:9000/callback"]
    assert redirect_uri.matches("http://127.0.0.1:9000/callback", registered, client_type="web")
    assert not redirect_uri.matches("http://127.0.0.1:9001/callback", registered, client_type="web")


@pytest.mark.parametrize(
    ("uri", "client_type"),
    [
        ("https://app.example.com/callback", "web"),
        ("https://app.example.com/callback?tenant=1", "web"),
        ("http://127.0.0.1:9000/callback", "web"),
        ("http://localhost:9000/callback", "web"),
        ("http://[::1]/callback", "native"),
        ("com.example.app:/callback", "native"),
        ("https://app.example.com/callback", "native"),
    ],
)
def test_sound_redirect_uris_may_be_registered(uri: str, client_type: str) -> None:
    """RFC 8252 §7.1 to §7.3."""
    assert redirect_uri.check_registration(uri, client_type) == uri


@pytest.mark.parametrize(
    ("uri", "client_type"),
    [
        ("http://app.example.com/callback", "web"),
        ("https://*.example.com/callback", "web"),
        ("https://user@example.com/callback", "web"),
        ("https:///callback", "web"),
        ("https://example.com/callback#fragment", "web"),
        ("https://example.com/call back", "web"),
        ("https://example.com\\callback", "web"),
        ("https://example.com:99999/callback", "web"),
        ("https://[::1/callback", "web"),
        ("/callback", "web"),
        ("", "web"),
        ("https://example.com/" + "a" * 2048, "web"),
        ("com.example.app:/callback", "web"),
        ("myapp:/callback", "native"),
        ("javascript:alert(1)", "native"),
        ("data:text/html,x", "native"),
        ("JavaScript:alert.x(1)", "native"),
        ("http://192.168.0.1/callback", "native"),
    ],
)
def test_unsound_redirect_uris_may_not_be_registered(uri: str, client_type: str) -> None:
    """RFC 6749 §3.1.2, RFC 8252 §7.1, RFC 9700 §4.1.1."""
    with pytest.raises(OAuthError) as refused:
        redirect_uri.check_registration(uri, client_type)
    assert refused.value.error == "invalid_redirect_uri"


def test_parameters_are_added_to_the_query_that_is_there() -> None:
    """RFC 6749 §3.1.2: the query component must be retained."""
    assert redirect_uri.with_parameters("https://a.example/cb?x=1", {"code": "a b&c"}) == (
        "https://a.example/cb?x=1&code=a+b%26c"
    )
    for uri in ("com.example.app:/cb", "com.example.app:///cb", "https://a.example/"):
        assert redirect_uri.with_parameters(uri, {"code": "1"}) == f"{uri}?code=1"
    for uri in ("https://a.example/cb?", "https://a.example/cb?x=1&"):
        assert redirect_uri.with_parameters(uri, {"code": "1"}) == f"{uri}code=1"


@given(st.text())
def test_any_text_is_compared_without_an_exception(requested: str) -> None:
    """What a browser sends is never trusted to be a URI."""
    assert redirect_uri.matches(requested, [REGISTERED], client_type="native") == (requested == REGISTERED)
