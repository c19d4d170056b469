"""Where a person goes after signing in: never to another site (RFC 9700 §4.11, CWE-601)."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.server.flows.return_to import HOME, after_sign_in, check_return_to, requested, to_authorize

ORIGIN = "https://id.example.com"

TRICKS = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "HTTPS://evil.example/authorize?",
    "javascript:alert(1)",
    "data:text/html,x",
    "//id.example.com@evil.example/authorize?x=1",
    "/authorize",
    "/authorize/",
    "/authorize/../sign-in?x",
    "/authorize//evil.example?x",
    "/authorize%3fx=1",
    "/authorize;x?y",
    "/authorize.evil.example?x",
    "/authorizeX?x=1",
    "/AUTHORIZE?x=1",
    "authorize?x=1",
    "./authorize?x=1",
    "?x=1",
    "/consent",
    "/logout",
    "/sign-in?return_to=//evil.example",
    "/authorize?",
    "/authorize?x=1#//evil.example",
    "/authorize?x=1\\..\\evil",
    "/authorize?x=1 y",
    "/authorize?x=1\r\nLocation: https://evil.example",
    "/authorize?x=1\nSet-Cookie: a=b",
    "/authorize?x=1\x00",
    "/authorize?x=\u2028",
    "/authorize?x=é",
    "/authorize?x=%ff",
    "/authorize?x=%00",
    "/authorize?x=" + "a" * 8_192,
    "/authorize?" + "&".join(f"p{number}=1" for number in range(65)),
    "",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_anything_but_an_authorization_request_of_ours_leads_home(trick: str) -> None:
    """RFC 9700 §4.11.2: an authorization server must not be an open redirector."""
    assert check_return_to(trick) == HOME


def test_nothing_leads_home() -> None:
    """A sign-in that nobody asked for."""
    assert check_return_to(None) == HOME
    assert check_return_to("/") == HOME


def test_an_authorization_request_is_kept_as_it_is() -> None:
    """Not one character of the client's request may change on the way."""
    path = "/authorize?client_id=a&redirect_uri=https%3A%2F%2Fapp.example%2F%3Fx%3D1&state=%22%3C%27&scope=a+b"
    assert check_return_to(path) == path


@given(st.text())
def test_whatever_is_asked_for_the_browser_stays_here(text: str) -> None:
    """The address that a browser makes of the answer has this origin (WHATWG URL, RFC 3986 §5)."""
    for candidate in (text, "/" + text, "/authorize?" + text):
        address = urlsplit(urljoin(ORIGIN, check_return_to(candidate)))
        assert f"{address.scheme}://{address.netloc}" == ORIGIN
        assert address.path in {"/", "/authorize"}


@given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_a_kept_request_can_be_read(query: str) -> None:
    """What passed the check never fails later."""
    path = to_authorize(query)
    requested(path)
    assert check_return_to(after_sign_in(path)) in {after_sign_in(path), HOME}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a=1&prompt=login", "a=1"),
        ("prompt=login&a=1", "a=1"),
        ("a=1&prompt=select_account", "a=1"),
        ("a=1&prompt=login+consent", "a=1&prompt=consent"),
        ("a=1&prompt=consent%20login", "a=1&prompt=consent"),
        ("a=1&prompt=consent", "a=1&prompt=consent"),
        ("a=1&prompt=none", "a=1&prompt=none"),
        ("a=1&max_age=0", "a=1"),
        ("a=1&%70rompt=login", "a=1"),
        ("a=prompt%3Dlogin&b=%26prompt=x", "a=prompt%3Dlogin&b=%26prompt=x"),
    ],
)
def test_a_fresh_sign_in_is_demanded_once(before: str, after: str) -> None:
    """OIDC Core §3.1.2.1: prompt=login and max_age have been met by signing in; kept, they would never end."""
    assert after_sign_in(f"/authorize?{before}") == f"/authorize?{after}"


def test_home_stays_home_after_the_sign_in() -> None:
    """There is no request whose demands could be met."""
    assert after_sign_in(HOME) == HOME
    assert requested(HOME) is None
