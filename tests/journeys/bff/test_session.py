"""The life of a session in a browser, against the real authorization server (design §1, §6.1, §6.5)."""

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.journeys.bff.conftest import World

pytestmark = pytest.mark.anyio

ISSUER = "https://id.example"


async def test_a_person_signs_in_works_and_signs_out(world: "World") -> None:
    """The whole story, and at its end nothing is left: not in the browser, not at the issuer."""
    browser = world.browser()
    assert (await browser.sign_in("/todos?done=1")).text == "page /todos"
    assert list(browser.cookies) == ["__Host-session"]
    me = (await browser.fetch("/auth/me")).json()
    assert (me["name"], me["email"]) == ("Ada", "ada@example.com")
    assert (await browser.fetch("/api/todos")).json() == {
        "sub": me["sub"],
        "scopes": ["email", "openid", "profile", "todo:read"],
    }
    old = browser.copy()
    answer = await browser.fetch("/auth/logout", "POST")
    home = await browser.open(f"https://app.example{answer.json()['location']}")
    assert home.text == "page /"
    assert browser.cookies == {}
    assert (await old.fetch("/api/todos")).status_code == 401
    again = await browser.open("https://app.example/auth/login")
    assert "password" in again.text  # the sign-in at the issuer has ended, too


async def test_no_token_reaches_the_page(world: "World") -> None:
    """Neither in a body nor in a header of any answer of the application, the sealed cookie included."""
    browser = await world.signed_in()
    for _ in range(3):
        await browser.fetch("/api/todos")
        await browser.fetch("/auth/me")
        world.clock.advance(250)
    await browser.fetch("/auth/logout", "POST")
    assert len(set(world.tokens)) == 3
    for response in browser.seen:
        text = response.text + str(response.headers.multi_items())
        assert "jrt_" not in text
        assert not any(token in text or token.split(".")[2] in text for token in world.tokens)


async def test_a_day_of_work_is_refreshed_unseen(world: "World") -> None:
    """A new access token whenever the old one is near its end; the person sees a page that works."""
    browser = await world.signed_in()
    for _ in range(12):
        world.clock.advance(7200)
        assert (await browser.fetch("/api/todos")).status_code == 200
    assert len(set(world.tokens)) == 12


async def test_concurrent_calls_share_one_refresh(world: "World") -> None:
    """Ten at once; all of them get through."""
    browser = await world.signed_in()
    world.clock.advance(280)
    before = world.refreshes()
    answers = await asyncio.gather(*(browser.copy().fetch("/api/todos") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert world.refreshes() == before + 1


async def test_two_processes_refresh_the_same_session(world: "World") -> None:
    """They share nothing but the cookie; the issuer gives both the same refresh token."""
    browser = await world.signed_in()
    other = browser.copy()
    world.clock.advance(280)
    assert (await browser.fetch("/api/todos")).status_code == 200
    world.start()
    assert (await other.fetch("/api/todos")).status_code == 200
    for one in (browser, other):
        world.clock.advance(20)
        world.start()
        assert (await one.fetch("/api/todos")).status_code == 200


async def test_a_lost_answer_signs_nobody_out(world: "World") -> None:
    """Between issuer and application it is asked for again; between application and browser it is remembered."""
    browser = await world.signed_in()
    world.clock.advance(280)
    world.network.losing[f"{ISSUER}/token"] = 2
    before = browser.copy()
    assert (await browser.fetch("/api/todos")).status_code == 200
    world.clock.advance(3600)
    assert (await before.fetch("/api/todos")).status_code == 200


async def test_an_issuer_that_is_down_keeps_everybody_signed_in(world: "World") -> None:
    """Unnoticed while the access token lives; then 503 and not 401; then as if nothing had been."""
    browser = await world.signed_in()
    await browser.fetch("/api/todos")
    world.network.down.add(ISSUER)
    world.clock.advance(280)
    assert (await browser.fetch("/api/todos")).status_code == 200
    world.clock.advance(280)
    assert (await browser.fetch("/api/todos")).status_code == 503
    assert (await browser.fetch("/auth/me")).status_code == 503
    world.network.down.clear()
    assert (await browser.fetch("/api/todos")).status_code == 200


async def test_an_api_that_is_down_says_so_and_nobody_is_signed_out(world: "World") -> None:
    """502, with the cookie as it was."""
    browser = await world.signed_in()
    world.network.down.add("https://api.example")
    assert (await browser.fetch("/api/todos")).status_code == 502
    world.network.down.clear()
    assert (await browser.fetch("/api/todos")).status_code == 200


async def test_a_stolen_cookie_is_found_out(world: "World") -> None:
    """Design §6.1: two copies go on, one is too old, and the session ends for both."""
    browser = await world.signed_in()
    thief = browser.copy()
    world.clock.advance(280)
    await browser.fetch("/api/todos")
    await browser.fetch("/api/todos")
    world.clock.advance(60)
    assert (await thief.fetch("/api/todos")).status_code == 401
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert browser.cookies == thief.cookies == {}


async def test_signing_out_ends_the_session_in_every_process(world: "World") -> None:
    """The refresh token is revoked at once, so a copy of the cookie is worth at most one access token."""
    browser = await world.signed_in()
    thief = browser.copy()
    await browser.fetch("/auth/logout", "POST")
    world.start()
    world.clock.advance(240)
    answer = await thief.fetch("/api/todos")
    assert answer.status_code == 401
    assert thief.cookies == {}


async def test_a_second_tab_that_signs_in_ends_the_first_ones_session(world: "World") -> None:
    """One browser, one session; the single sign-on at the issuer spares the password."""
    browser = await world.signed_in()
    old = browser.copy()
    assert (await browser.open("https://app.example/auth/login?return_to=/again")).text == "page /again"
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert (await old.fetch("/auth/me")).status_code == 401
