"""Whatever is sent, a standard answer comes back, nothing is written, and nothing of the inside shows (design §9)."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PAGES = ["/authorize", "/sign-in", "/sign-up", "/consent", "/logout", "/", "/sessions/end", "/password"]
PROGRAMS = ["/token", "/revoke", "/introspect", "/userinfo"]
PUBLISHED = ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/health", "/ready", "/static/jotary.css"]
NAMES = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "prompt",
    "max_age",
    "resource",
    "id_token_hint",
    "login_hint",
    "return_to",
    "request",
    "answer",
    "csrf_token",
    "username",
    "name",
    "password",
    "grant_type",
    "code",
    "code_verifier",
    "refresh_token",
    "token",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "access_token",
    "session_id",
    "post_logout_redirect_uri",
]
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


def check(path: str, response: Any) -> None:
    """A refusal or an answer that the standards know."""
    assert response.status_code in {200, 303, 400, 401, 403, 404, 405, 413, 414, 431}
    assert "Traceback" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.status_code >= 400:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"].startswith("text/html" if path in PAGES else "application/json")
    if response.status_code == 303:
        assert response.headers["location"].startswith(("/", "https://web.example.com/"))
        assert not response.headers["location"].startswith(("//", "/\\"))


values = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["web", "code", "https://web.example.com/callback", "none", "/authorize?x=1", "//evil.example", "a" * 3_000]
    ),
)
pairs = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=12)
slow = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(sent=pairs, path=st.sampled_from([*PAGES, *PROGRAMS, *PUBLISHED]))
@slow
def test_any_query_gets_a_standard_answer(browser: Any, sent: list[tuple[str, str]], path: str) -> None:
    """Known names, any values, any number of times."""
    query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in sent)
    check(path, browser.get(f"{path}?{query}"))


@given(sent=pairs, path=st.sampled_from([*PAGES, *PROGRAMS]))
@slow
def test_any_form_gets_a_standard_answer(site: Any, browser: Any, sent: list[tuple[str, str]], path: str) -> None:
    """With a token that fits, so that what lies behind it is reached."""
    token = browser.fields(browser.get("/sign-in"))["csrf_token"]
    body = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in sent if name != "csrf_token")
    check(path, browser.request("POST", path, content=f"csrf_token={token}&{body}".encode(), headers=FORM))


@given(body=st.binary(max_size=200), path=st.sampled_from([*PAGES, *PROGRAMS]))
@slow
def test_any_bytes_get_a_standard_answer(browser: Any, body: bytes, path: str) -> None:
    """Not even a form."""
    check(path, browser.request("POST", path, content=body, headers=FORM))


@given(value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")))
@slow
def test_any_header_gets_a_standard_answer(browser: Any, value: str) -> None:
    """Those that are read: Authorization, Cookie, Origin, Sec-Fetch-Site, If-None-Match, Content-Type."""
    for name in ("Authorization", "Cookie", "Origin", "Sec-Fetch-Site", "If-None-Match", "Content-Type", "Accept"):
        headers = {name: value.encode("latin-1")}
        for path in ("/userinfo", "/sign-in", "/.well-known/jwks.json"):
            check(path, browser.request("GET", path, headers=headers))
        check("/token", browser.request("POST", "/token", content=b"grant_type=x", headers=headers))
        check("/sign-in", browser.request("POST", "/sign-in", content=b"username=x", headers=headers))


def test_what_is_too_large_is_refused_before_it_is_read(browser: Any) -> None:
    """RFC 9110 §15.5.15, RFC 6585 §5."""
    for path in (*PAGES, *PROGRAMS, *PUBLISHED):
        assert browser.get(f"{path}?x={'a' * 24_576}").status_code == 414
        assert browser.get(path, **{"X-Filler": "a" * 32_768}).status_code == 431
        assert browser.get(path, Cookie="; ".join(f"c{number}=x" for number in range(5_000))).status_code == 431


def test_a_request_has_its_own_bound(signed_in: Any) -> None:
    """It is carried along in addresses and forms; a good one that is longer is refused, too."""
    assert signed_in.authorize(x="a" * 7_000).status_code == 303
    assert signed_in.authorize(x="a" * 8_192).status_code == 400
    assert signed_in.get(f"/logout?x={'a' * 8_192}").status_code == 400


@pytest.mark.parametrize("path", PAGES)
def test_a_form_that_is_too_large_is_refused_as_a_page(browser: Any, path: str) -> None:
    """RFC 9110 §15.5.14."""
    response = browser.request("POST", path, content=b"a=" + b"x" * 65_536, headers=FORM)
    assert response.status_code == (405 if path == "/" else 413)
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("form", [b"return_to=/&return_to=/", b"username=a&username=b", b"x=%ff", b"x=%00"])
def test_a_malformed_form_is_refused_as_a_page(site: Any, browser: Any, form: bytes) -> None:
    """The rules of RFC 6749 §3.1 hold for our own forms too."""
    token = browser.fields(browser.get("/sign-in"))["csrf_token"].encode()
    for path in ("/sign-in", "/sign-up"):
        response = browser.post(path, b"csrf_token=" + token + b"&" + form)
        assert response.status_code == 400
    assert [kind for kind in site.desk.kinds() if not kind.startswith("key.")] == []


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
@pytest.mark.parametrize("query", ["return_to=/&return_to=//evil.example", "return_to=%ff", "return_to=%00", "%"])
def test_a_malformed_link_to_a_form_shows_it_without_a_destination(browser: Any, path: str, query: str) -> None:
    """A person who follows a broken link can still sign in."""
    page = browser.get(f"{path}?{query}")
    assert page.status_code == 200
    assert browser.fields(page)["return_to"] == "/"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_as_pages(browser: Any, method: str) -> None:
    """RFC 9110 §15.5.6."""
    for path in PAGES:
        response = browser.request(method, path)
        assert response.status_code == 405
        assert {"GET", "POST"} & set(response.headers["allow"].split(", "))
        assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/nothing", "/token/", "/authorize/x", "/x//", "/.well-known/", "/admin", "/static"])
def test_what_is_not_there_is_not_there(browser: Any, path: str) -> None:
    """A page that says so, with the headers of every page."""
    for method in ("GET", "POST", "HEAD", "BREW"):
        response = browser.request(method, path)
        assert response.status_code == 404
        assert response.headers["x-frame-options"] == "DENY"
