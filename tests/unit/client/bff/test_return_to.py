"""Where the browser may be sent after signing in (RFC 9700 §4.11.1)."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.bff.return_to import MAX_LENGTH, is_local_path

LOCAL = [
    "/",
    "/todos",
    "/todos/1/",
    "/todos?done=1&page=2",
    "/todos?next=//evil.example",
    "/app#/route/2",
    "/@ada",
    "/a:b;c=1",
    "/caf%C3%A9",
    "/100%25",
    "/.well-known/x",
    "/...",
    "/authors",
    "/?q[]=1",
]
TRICKS = [
    "",
    "todos",
    "https://evil.example",
    "https:evil.example",
    "http:/evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "\x00//evil.example",
    "/ /evil.example",
    "/%2fevil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%252fevil.example",
    "/%25255cevil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%00/evil.example",
    "/a//evil.example",
    "/.//evil.example",
    "/./",
    "/a/../",
    "/..//evil.example",
    "/%2e%2e//evil.example",
    "/%2e%2e/x",
    "/.%2e/x",
    "/%252e%252e/x",
    "/a/%2e",
    "javascript:alert(1)",
    "/javascript:alert(1)\n",
    "data:text/html,x",
    "?x=//evil.example",
    "#//evil.example",
    "/\u2044/evil.example",
    "/\uff0fevil.example",
    "//\u3002evil.example",
    "/caf\u00e9",
    '/"><script>',
    "/auth",
    "/auth/login?return_to=/",
    "/auth/callback?code=1",
    "/auth/logout",
    "/" + "a" * MAX_LENGTH,
]


@pytest.mark.parametrize("path", LOCAL)
def test_a_path_of_this_application_is_kept(path: str) -> None:
    """With its query and its fragment."""
    assert is_local_path(path, reserved="/auth")


@pytest.mark.parametrize("path", TRICKS)
def test_what_leads_elsewhere_or_might_is_refused(path: str) -> None:
    """Every way that browsers, proxies and parsers have been made to read a path as another site."""
    assert not is_local_path(path, reserved="/auth")


@given(text=st.text(st.sampled_from("/\\.%2f5ce@:?#;\t a"), max_size=12))
def test_whatever_is_kept_stays_on_the_origin(text: str) -> None:
    """By the reading of RFC 3986 §5, and by that of browsers, which take a backslash for a slash."""
    if is_local_path(text, reserved="/auth"):
        for reading in (text, text.replace("\\", "/")):
            assert urlsplit(urljoin("https://app.example/auth/callback", reading)).netloc == "app.example"
