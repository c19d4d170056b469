"""Refreshing when several ask at once, answers vanish, cookies arrive late, or two copies are in use."""

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio

TOKEN = "https://id.example/token"


async def test_concurrent_requests_share_one_refresh(world: "World") -> None:
    """Design §6.5: ten calls of one page, one refresh, and all of them end with the same cookie."""
    browser = await world.signed_in()
    world.clock.advance(250)
    tabs = [browser.copy() for _ in range(10)]
    answers = await asyncio.gather(*(tab.fetch("/api/todos") for tab in tabs))
    assert {answer.status_code for answer in answers} == {200}
    assert world.refreshes() == 1
    assert set(world.api.tokens) == {world.issuer.issued[3]}


async def test_a_request_that_is_cancelled_does_not_take_the_refresh_with_it(world: "World") -> None:
    """The issuer has counted it; whoever else waits gets its outcome, and so does the next request."""
    browser = await world.signed_in()
    world.clock.advance(250)
    gate = world.network.hold(TOKEN)
    tab = browser.copy()
    first = asyncio.create_task(tab.fetch("/api/todos"))
    await gate.arrived.wait()
    second = asyncio.create_task(browser.copy().fetch("/api/todos"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.go_on.set()
    assert (await second).status_code == 200
    world.clock.advance(60)  # beyond the issuer's window: only this process can still heal it
    assert (await tab.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 1


async def test_an_answer_of_the_issuer_that_is_lost_is_asked_for_again(world: "World") -> None:
    """Design §6.1: within its window the issuer gives the same token again."""
    browser = await world.signed_in()
    world.clock.advance(250)
    world.network.lose_answers(TOKEN, 2)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 3
    assert world.issuer.ended == set()


async def test_a_code_is_never_redeemed_twice(world: "World") -> None:
    """RFC 6749 §4.1.2: a second use ends the session, so a lost answer means to sign in again."""
    world.network.lose_answers(TOKEN)
    browser = world.browser()
    answer = await browser.sign_in()
    assert answer.status_code == 503
    assert "try again" in answer.text
    assert len(world.issuer.sent) == 1
    assert browser.cookies == {}


async def test_an_answer_to_the_browser_that_is_lost_is_made_good_the_next_day(world: "World") -> None:
    """The tab was closed before the new cookie arrived. This process still has it, and nobody has shown it yet."""
    browser = await world.signed_in()
    before = dict(browser.cookies)
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    browser.cookies = before
    world.clock.advance(86_400)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_another_process_makes_good_a_lost_answer_within_the_issuers_window(world: "World") -> None:
    """Without any memory in common: generation G-1 is answered with G again (design §6.1)."""
    browser = await world.signed_in()
    before = dict(browser.cookies)
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    world.start()
    browser.cookies = before
    world.clock.advance(29)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_two_processes_refresh_with_the_same_cookie(world: "World") -> None:
    """Two tabs, two nodes behind a balancer: both go on, and their sessions are the same one."""
    browser = await world.signed_in()
    other = browser.copy()
    world.clock.advance(250)
    assert (await browser.fetch("/api/todos")).status_code == 200
    world.start()
    assert (await other.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 2
    world.clock.advance(250)
    browser.cookies = other.cookies
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_a_slow_answer_that_overwrites_the_newer_cookie_heals(world: "World") -> None:
    """The browser is a generation behind again; within the window it gets the new cookie once more."""
    browser = await world.signed_in()
    before = dict(browser.cookies)
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    await browser.fetch("/api/todos")  # the new cookie has been shown
    newest = dict(browser.cookies)
    browser.cookies = before
    world.clock.advance(20)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 1
    assert browser.cookies.keys() == newest.keys()
    world.clock.advance(60)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_a_slow_answer_carries_the_newest_cookie_there_is(world: "World") -> None:
    """Set-Cookie is decided when the answer starts, so an answer that took minutes does not set the clock back."""
    world.issuer.lifetime = 20
    browser = await world.signed_in()
    world.clock.advance(18)
    slow = browser.copy()
    gate = world.network.hold("https://api.example/v1/slow")
    call = asyncio.create_task(slow.fetch("/api/slow"))
    await gate.arrived.wait()
    await browser.fetch("/api/todos")
    world.clock.advance(18)
    await browser.fetch("/api/todos")
    gate.go_on.set()
    await call
    assert world.refreshes() == 2
    world.start()  # and with it goes the memory that would heal an older cookie
    world.clock.advance(100)
    assert (await slow.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_a_stolen_cookie_ends_the_session_when_both_have_gone_on(world: "World") -> None:
    """Design §6.1: the person has the newer cookie and has used it; the thief's older one gives the theft away."""
    browser = await world.signed_in()
    thief = browser.copy()
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    await browser.fetch("/api/todos")
    world.clock.advance(60)
    assert (await thief.fetch("/api/todos")).status_code == 401
    assert (await browser.fetch("/auth/me")).status_code == 401  # although its own token has not expired
    assert world.issuer.ended == set(world.issuer.generations)


async def test_a_thief_does_not_share_the_persons_refresh(world: "World") -> None:
    """Two generations are two refreshes, even at the same moment: the issuer must see the older one."""
    browser = await world.signed_in()
    thief = browser.copy()
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    await browser.fetch("/api/todos")
    world.clock.advance(250)
    gate = world.network.hold(TOKEN)
    call = asyncio.create_task(browser.fetch("/api/todos"))
    await gate.arrived.wait()
    other = asyncio.create_task(thief.fetch("/api/todos"))
    await asyncio.sleep(0)
    gate.go_on.set()
    await asyncio.gather(call, other)
    assert world.refreshes() == 3
    assert world.issuer.ended == set(world.issuer.generations)


async def test_a_thief_who_refreshes_first_is_found_as_well(world: "World") -> None:
    """Then it is the person's cookie that is too old; everybody signs in again, the thief cannot."""
    browser = await world.signed_in()
    thief = browser.copy()
    world.clock.advance(250)
    await thief.fetch("/api/todos")
    await thief.fetch("/api/todos")
    world.clock.advance(60)
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert (await thief.fetch("/api/todos")).status_code == 401
