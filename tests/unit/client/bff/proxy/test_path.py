"""Which address at the API a request is for: no spelling of a path leaves its route."""

from urllib.parse import unquote, urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.bff.proxy.path import BadPathError, find_route, public_location, target_url
from jotary.client.bff.settings import Route

ROUTE = Route("/api", "https://api.example/v1")
HONEST = {
    "/api": "https://api.example/v1",
    "/api/": "https://api.example/v1/",
    "/api/todos": "https://api.example/v1/todos",
    "/api/todos/": "https://api.example/v1/todos/",
    "/api/caf%C3%A9": "https://api.example/v1/caf%C3%A9",
    "/api/100%2525": "https://api.example/v1/100%2525",
    "/api/100%25": "https://api.example/v1/100%25",
    "/api/a;b=1/c": "https://api.example/v1/a;b=1/c",
    "/api/@ada/...": "https://api.example/v1/@ada/...",
    "/api/.hidden/a..b": "https://api.example/v1/.hidden/a..b",
    "/api/a:b": "https://api.example/v1/a:b",
    "/api/api/x": "https://api.example/v1/api/x",
    "/api/%E4%BD%A0": "https://api.example/v1/%E4%BD%A0",
    "/api/%FF": "https://api.example/v1/%FF",
}
TRICKS = [
    "/api/..",
    "/api/../admin",
    "/api/x/../../admin",
    "/api/./admin",
    "/api/.",
    "/api/%2e%2e/admin",
    "/api/%2E%2e/admin",
    "/api/.%2e/admin",
    "/api/%252e%252e/admin",
    "/api/%25252e/admin",
    "/api/100%252525",
    "/api/..%2fadmin",
    "/api/..%2Fadmin",
    "/api/a%2fb",
    "/api/a%252fb",
    "/api/%2f%2fevil.example",
    "/api//evil.example",
    "/api//",
    "/api/a//b",
    "/api/..;/admin",
    "/api/..;x=1/admin",
    "/api/.;/admin",
    "/api/%2e%2e;/admin",
    "/api/..%3b/admin",
    "/api/\\..\\admin",
    "/api/..%5cadmin",
    "/api/a%5cb",
    "/api/a%255cb",
    "/api/a%00b",
    "/api/a%0d%0aX:y",
    "/api/a%2500b",
    "/api/a\tb",
    "/api/a b",
    "/api/a#b",
    "/api/a?b",
    "/api/a\x7f",
    "/api/%",
    "/api/%zz",
    "/api/%2",
    "/api/caf\xe9",
    "/api/%25252525252e",
    '/api/"',
    "/api/<script>",
]


@pytest.mark.parametrize(("path", "url"), HONEST.items())
def test_the_prefix_is_replaced_and_the_rest_kept(path: str, url: str) -> None:
    """Byte for byte: what is encoded stays encoded."""
    assert target_url(ROUTE, path, "") == url


@pytest.mark.parametrize("path", TRICKS)
def test_an_ambiguous_path_is_refused(path: str) -> None:
    """Every way to say `..` or `/` that some server behind may understand."""
    with pytest.raises(BadPathError):
        target_url(ROUTE, path, "")


PIECES = st.lists(
    st.sampled_from(["..", ".", "/", "//", "%2e", "%2F", "%5c", "%25", "%252e", ";", "\\", "a", "%00", "@evil", ":80"]),
    max_size=8,
).map("".join)


@given(path=PIECES)
def test_whatever_is_passed_on_stays_below_the_target(path: str) -> None:
    """However often a server behind decodes it, and whatever it drops."""
    try:
        url = target_url(ROUTE, f"/api/{path}", "")
    except BadPathError:
        return
    parts = httpx2.URL(url)
    assert parts.host == "api.example"
    reading = parts.raw_path.decode()
    for _ in range(6):
        assert reading.startswith("/v1/")
        assert not {".", ".."} & {segment.split(";")[0] for segment in reading.split("/")}
        reading = unquote(reading)


@pytest.mark.parametrize("query", ["a=1", "a=%2e%2e/&b[]=1", "x=a|b^c`d{e}", "?", "a=1?b"])
def test_the_query_is_kept(query: str) -> None:
    """It is the API's business."""
    assert target_url(ROUTE, "/api/x", query) == f"https://api.example/v1/x?{query}"


@pytest.mark.parametrize("query", ["a#b", "a b", "a\tb", "a\r\nX: y", "caf\xe9", "\x00"])
def test_a_query_that_would_break_out_is_refused(query: str) -> None:
    """A fragment, white space, control characters, what is not ASCII."""
    with pytest.raises(BadPathError):
        target_url(ROUTE, "/api/x", query)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api", "/api"),
        ("/api/x", "/api"),
        ("/api/v2/x", "/api/v2"),
        ("/api/v2", "/api/v2"),
        ("/api/v22", "/api"),
        ("/apix", None),
        ("/API/x", None),
        ("/%61pi/x", None),
        ("/x/api", None),
        ("//api/x", None),
        ("/", None),
    ],
)
def test_the_longest_prefix_wins_and_only_whole_segments_count(path: str, found: str | None) -> None:
    """`/apix` is not below `/api`, and a prefix in another spelling is none."""
    routes = (Route("/api/v2", "https://two.example"), Route("/api", "https://one.example"))
    route = find_route(path, routes)
    assert (route.prefix if route else None) == found


@pytest.mark.parametrize(
    ("location", "public"),
    [
        ("https://api.example/v1/todos/1", "/api/todos/1"),
        ("https://api.example:443/v1/todos/1?x=1#y", "/api/todos/1?x=1#y"),
        ("HTTPS://API.example/v1/todos", "/api/todos"),
        ("https://api.example/v1", "/api"),
        ("/v1/todos/1", "/api/todos/1"),
        ("//api.example/v1/todos", "/api/todos"),
        ("1", "1"),
        ("?page=2", "?page=2"),
        ("https://files.example/x?signature=1", "https://files.example/x?signature=1"),
        ("https://api.example:8443/v1/todos", "https://api.example:8443/v1/todos"),
        ("http://api.example/v1/todos", "http://api.example/v1/todos"),
        ("https://api.example/admin", None),
        ("https://api.example/v1x", None),
        ("https://api.example", None),
        ("/admin", None),
        ("/v1x", None),
        ("https://api.example:x/", None),
        ("http://[", None),
    ],
)
def test_a_redirect_of_the_api_becomes_one_of_this_origin(location: str, public: str | None) -> None:
    """What points behind the proxy is dropped; another site's address is left alone."""
    assert public_location(ROUTE, location) == public


@given(path=st.text(st.sampled_from("/\\.:@v1?#evil\t"), max_size=12))
def test_no_redirect_of_the_api_leaves_the_origin_unless_it_names_another(path: str) -> None:
    """A path, however odd, is never read as a host."""
    public = public_location(Route("/api", "https://api.example"), f"/{path}")
    assert public is None or urlsplit(public).netloc in {"", urlsplit(f"/{path}").netloc}
