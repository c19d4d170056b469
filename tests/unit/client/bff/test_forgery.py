"""Requests that another site made the browser send (RFC 10017 §6.1, W3C Fetch Metadata)."""

from itertools import product
from typing import TYPE_CHECKING

import pytest
from starlette.datastructures import Headers

from jotary.client.bff.forgery import refusal

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

ORIGIN = "https://app.example"
CHANGING = ["POST", "PUT", "PATCH", "DELETE", "QUERY", "post", "TRACE", "get"]
SITES = [None, "same-origin", "same-site", "cross-site", "none", "Same-Origin", "same-origin, cross-site", ""]
ORIGINS = [None, ORIGIN, "https://evil.example", "null", "http://app.example", "https://app.example:444", ORIGIN + "/"]
MARKS = [None, "1", "0", "true", "", "1, 1"]


def headers(**values: str | None) -> Headers:
    """Headers, without those that are None."""
    return Headers({name.replace("_", "-"): value for name, value in values.items() if value is not None})


@pytest.mark.parametrize("method", CHANGING)
def test_a_request_that_changes_something_comes_from_this_origin_and_says_so(method: str) -> None:
    """The whole matrix: same-origin, or the right Origin where the browser sends no Sec-Fetch-Site; and X-CSRF: 1."""
    allowed = set()
    for site, origin, mark in product(SITES, ORIGINS, MARKS):
        found = headers(sec_fetch_site=site, origin=origin, x_csrf=mark)
        if refusal(method, found, origin=ORIGIN) is None:
            allowed.add((site, origin, mark))
    by_site = {("same-origin", origin, "1") for origin in ORIGINS}
    assert allowed == by_site | {(None, ORIGIN, "1")}


def test_a_header_that_is_sent_twice_counts_for_nothing() -> None:
    """No browser does that; whoever does hopes that one place reads the first and another the last."""
    own = [(b"sec-fetch-site", b"same-origin"), (b"x-csrf", b"1")]
    assert refusal("POST", Headers(raw=own), origin=ORIGIN) is None
    assert refusal("POST", Headers(raw=[*own, (b"sec-fetch-site", b"cross-site")]), origin=ORIGIN)
    assert refusal("POST", Headers(raw=[(b"sec-fetch-site", b"cross-site"), *own]), origin=ORIGIN)
    assert refusal("POST", Headers(raw=[*own, (b"x-csrf", b"1")]), origin=ORIGIN)
    doubled = [(b"origin", ORIGIN.encode()), (b"origin", b"https://evil.example"), (b"x-csrf", b"1")]
    assert refusal("POST", Headers(raw=doubled), origin=ORIGIN)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything else"])
@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "websocket", None])
def test_another_site_may_not_load_an_answer(method: str, site: str, mode: str | None) -> None:
    """Neither a stranger nor a sibling domain, whose requests do carry the Lax cookie."""
    assert refusal(method, headers(sec_fetch_site=site, sec_fetch_mode=mode), origin=ORIGIN)


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object", "image"])
def test_another_site_may_not_frame_an_answer(destination: str) -> None:
    """A navigation inside its page is not a link that the person followed."""
    found = headers(sec_fetch_site="same-site", sec_fetch_mode="navigate", sec_fetch_dest=destination)
    assert refusal("GET", found, origin=ORIGIN)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_link_from_anywhere_may_be_followed(site: str) -> None:
    """That is what links are for, and how the issuer sends the browser back."""
    found = headers(sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="document")
    assert refusal("GET", found, origin=ORIGIN) is None


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("mode", ["cors", "no-cors", "same-origin", "navigate", None])
def test_the_applications_own_pages_may_read(method: str, mode: str | None) -> None:
    """Without a custom header: reading changes nothing (RFC 9110 §9.2.1)."""
    assert refusal(method, headers(sec_fetch_site="same-origin", sec_fetch_mode=mode), origin=ORIGIN) is None
    assert refusal(method, headers(), origin=ORIGIN) is None


@pytest.mark.parametrize(
    "destination",
    [
        "script",
        "worker",
        "sharedworker",
        "serviceworker",
        "audioworklet",
        "paintworklet",
        "style",
        "xslt",
    ],
)
def test_an_answer_of_the_api_is_never_run_as_code(destination: str) -> None:
    """A file that somebody uploaded to the API must not become a script, or a service worker, of this origin."""
    assert refusal("GET", headers(sec_fetch_site="same-origin", sec_fetch_dest=destination), origin=ORIGIN)


def test_an_answer_of_the_api_is_never_a_service_worker_in_old_browsers_either() -> None:
    """W3C Service Workers: the script is fetched with `Service-Worker: script`."""
    assert refusal("GET", headers(service_worker="script"), origin=ORIGIN)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/todos"), ("DELETE", "/api/todos/1"), ("POST", "/auth/logout")]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-CSRF": "1"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": ORIGIN},
        {"Sec-Fetch-Site": "cross-site", "X-CSRF": "1"},
        {"Sec-Fetch-Site": "same-site", "Origin": ORIGIN, "X-CSRF": "1"},
        {"Origin": "https://evil.example", "X-CSRF": "1"},
    ],
)
async def test_a_forged_request_reaches_neither_session_nor_api(
    world: "World", method: str, path: str, headers: dict[str, str]
) -> None:
    """With the victim's cookie, from a foreign page: 403, nothing is called, nobody is signed out."""
    browser = await world.signed_in()
    answer = await browser.send(method, path, headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.api.requests == []
    assert world.issuer.ended == set()
    assert (await browser.fetch("/auth/me")).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/api/todos", "/auth/me"])
async def test_another_sites_page_reads_nothing(world: "World", path: str) -> None:
    """Not even whether somebody is signed in."""
    browser = await world.signed_in()
    for site in ("cross-site", "same-site"):
        answer = await browser.send("GET", path, {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})
        assert answer.status_code == 403
    assert world.api.requests == []


@pytest.mark.anyio
async def test_no_answer_lets_another_origin_read_it(world: "World") -> None:
    """No CORS at all: what the API says about it is for its own origin."""
    browser = await world.signed_in()
    answer = await browser.send("OPTIONS", "/api/todos", {"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
