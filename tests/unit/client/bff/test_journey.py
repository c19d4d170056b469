"""One person, one browser, from sign-in to sign-out: what they notice, and what they must not notice."""

from typing import TYPE_CHECKING

import httpx2
import pytest

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio


async def test_signing_in_leads_back_to_where_it_began(world: "World") -> None:
    """RFC 6749 §4.1: the whole code flow, and then the page that was asked for."""
    browser = world.browser()
    answer = await browser.sign_in("/todos;v=1?done=1&a[]=|#x")
    assert answer.status_code == 400
    answer = await browser.sign_in("/todos;v=1?done=1&a[]=2#x")
    assert answer.text == "page /todos;v=1"
    assert browser.seen[-2].headers["location"] == "https://app.example/todos;v=1?done=1&a[]=2#x"
    assert list(browser.cookies) == ["__Host-session"]
    world.assert_no_token_seen(browser)


async def test_me_says_who_is_signed_in(world: "World") -> None:
    """The page's script learns the person and how long the session lasts; nothing else."""
    browser = await world.signed_in()
    answer = await browser.fetch("/auth/me")
    assert answer.json() == {"sub": "person-1", "name": "Ada", "email": "ada@example.com", "expires_in": 14 * 86_400}
    assert answer.headers["cache-control"] == "no-store"
    world.assert_no_token_seen(browser)


async def test_the_proxy_attaches_the_access_token(world: "World") -> None:
    """Design §6.5: the browser sends a cookie, the API gets a bearer token."""
    browser = await world.signed_in()
    answer = await browser.fetch("/api/todos?done=1")
    assert answer.json() == {"path": "/v1/todos"}
    assert world.api.requests[0].url.query == "done=1"
    assert "cookie" not in world.api.requests[0].headers
    assert world.api.tokens == [world.issuer.issued[0]]
    world.assert_no_token_seen(browser)


async def test_without_a_session_there_is_nothing_to_attach(world: "World") -> None:
    """A problem answer that says where to sign in; the API is not even asked."""
    browser = world.browser()
    for path in ("/auth/me", "/api/todos"):
        answer = await browser.fetch(path)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert "/auth/login" in answer.json()["detail"]
    assert world.api.requests == []


async def test_a_session_is_refreshed_before_its_access_token_expires(world: "World") -> None:
    """Design §6.5: shortly before its end, unseen, and the new cookie comes with the answer."""
    browser = await world.signed_in()
    old = dict(browser.cookies)
    world.clock.advance(239)
    await browser.fetch("/api/todos")
    assert world.refreshes() == 0
    world.clock.advance(1)
    answer = await browser.fetch("/api/todos")
    assert answer.status_code == 200
    assert world.refreshes() == 1
    assert browser.cookies != old
    assert world.api.tokens[-1] == world.issuer.issued[3]
    world.assert_no_token_seen(browser)


async def test_a_session_goes_on_long_after_the_first_token(world: "World") -> None:
    """An hour of work, one refresh for each token that ran out, and nobody is asked anything."""
    browser = await world.signed_in()
    for _ in range(15):
        world.clock.advance(250)
        assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 15


async def test_the_session_ends_at_its_absolute_end(world: "World") -> None:
    """However often it is refreshed, the person signs in again after 14 days; the cookie goes."""
    browser = await world.signed_in()
    world.clock.advance(14 * 86_400)
    assert (await browser.fetch("/auth/me")).status_code == 401
    assert browser.cookies == {}


async def test_an_issuer_that_is_down_is_not_noticed_while_the_token_lives(world: "World") -> None:
    """Design §6.1: the access token is good for another minute, so it is used."""
    browser = await world.signed_in()
    world.clock.advance(250)
    world.network.fail("https://id.example/token", *[httpx2.ConnectError("down")] * 3)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert "__Host-session" in browser.cookies


async def test_a_cookie_that_has_not_changed_is_not_set_again(world: "World") -> None:
    """Each Set-Cookie would keep an answer out of every cache, and could overwrite a newer one."""
    browser = await world.signed_in()
    for path in ("/api/todos", "/auth/me"):
        assert "set-cookie" not in (await browser.fetch(path)).headers


async def test_an_issuer_that_is_down_is_not_asked_by_every_request(world: "World") -> None:
    """A failed refresh is left alone for a moment: an issuer that hangs must not make every call hang."""
    browser = await world.signed_in()
    world.clock.advance(250)
    world.network.fail("https://id.example/token", *[httpx2.ConnectError("down")] * 3)
    for _ in range(5):
        await browser.fetch("/api/todos")
    assert world.network.count("https://id.example/token") == 1 + 3
    for seconds, refreshes in ((4, 0), (1, 1)):
        world.clock.advance(seconds)
        await browser.fetch("/api/todos")
        assert world.refreshes() == refreshes


async def test_an_issuer_that_is_down_for_longer_suspends_the_session_and_does_not_end_it(world: "World") -> None:
    """The access token has expired and nobody can say more: 503, the cookie stays, and later it works again."""
    browser = await world.signed_in()
    world.clock.advance(400)
    world.network.fail("https://id.example/token", 503, 503, 503, 500, 502, 429)
    for path in ("/api/todos", "/auth/me"):
        answer = await browser.fetch(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
    assert "__Host-session" in browser.cookies
    assert (await browser.fetch("/api/todos")).status_code == 200


async def test_a_wrong_client_secret_signs_nobody_out(world: "World") -> None:
    """RFC 6749 §5.2: only invalid_grant says that the session is over; invalid_client is our own mistake."""
    browser = await world.signed_in()
    world.clock.advance(400)
    world.network.fail("https://id.example/token", 401, 404, 302)
    for _ in range(3):
        assert (await browser.fetch("/api/todos")).status_code == 503
    assert (await browser.fetch("/api/todos")).status_code == 200


async def test_a_session_that_was_ended_at_the_issuer_ends_here(world: "World") -> None:
    """RFC 6749 §5.2: invalid_grant at the next refresh. The cookie goes, and the person is asked to sign in."""
    browser = await world.signed_in()
    world.issuer.ended.update(world.issuer.generations)
    world.clock.advance(250)
    answer = await browser.fetch("/api/todos")
    assert answer.status_code == 401
    assert browser.cookies == {}


async def test_signing_in_again_ends_the_session_that_was_there(world: "World") -> None:
    """Otherwise it would live on at the issuer with nobody to end it."""
    browser = await world.signed_in()
    (first,) = world.issuer.generations
    await browser.sign_in()
    assert world.issuer.ended == {first}
    assert (await browser.fetch("/auth/me")).status_code == 200


async def test_a_browser_that_says_nothing_of_fetching_signs_in(world: "World") -> None:
    """Those before 2023 send no Sec-Fetch-Mode."""
    answer = await world.browser().send("GET", "/auth/login")
    assert answer.status_code == 303
