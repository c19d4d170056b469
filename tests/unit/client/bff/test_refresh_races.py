"""Refreshing when several ask at once, answers vanish, cookies arrive late, or two copies are in use."""

import asyncio
from typing import TYPE_CHECKING

import httpx2
import pytest

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import Browser, World

pytestmark = pytest.mark.anyio

TOKEN = "https://id.example/token"


def copy_of(browser: "Browser", world: "World") -> "Browser":
    """A second browser with the same cookies: another tab's idea of the jar, or a thief."""
    copy = world.browser()
    copy.cookies = dict(browser.cookies)
    return copy


async def test_concurrent_requests_share_one_refresh(world: "World") -> None:
    """Design §6.5: ten calls of one page, one refresh, and all of them end with the same cookie."""
    browser = await world.signed_in()
    world.clock.advance(250)
    tabs = [copy_of(browser, world) for _ in range(10)]
    answers = await asyncio.gather(*(tab.fetch("/api/todos") for tab in tabs))
    assert {answer.status_code for answer in answers} == {200}
    assert world.refreshes() == 1
    assert set(world.api.tokens) == {world.issuer.issued[3]}


async def test_a_request_that_is_cancelled_does_not_take_the_refresh_with_it(world: "World") -> None:
    """The issuer has counted it; whoever else waits gets its outcome, and so does the next request."""
    browser = await world.signed_in()
    world.clock.advance(250)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def gate() -> None:
        arrived.set()
        await go_on.wait()

    world.network.hold(TOKEN, gate)
    tab = copy_of(browser, world)
    first = asyncio.create_task(tab.fetch("/api/todos"))
    await arrived.wait()
    second = asyncio.create_task(copy_of(browser, world).fetch("/api/todos"))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
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
    other = copy_of(browser, world)
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
    slow = copy_of(browser, world)
    go_on, arrived = asyncio.Event(), asyncio.Event()

    async def gate() -> None:
        if not arrived.is_set():
            arrived.set()
            await go_on.wait()

    world.network.hold("https://api.example/v1/slow", gate)
    call = asyncio.create_task(slow.fetch("/api/slow"))
    await arrived.wait()
    await browser.fetch("/api/todos")
    world.clock.advance(18)
    await browser.fetch("/api/todos")
    go_on.set()
    await call
    assert world.refreshes() == 2
    world.clock.advance(100)
    assert (await slow.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_a_stolen_cookie_ends_the_session_when_both_have_gone_on(world: "World") -> None:
    """Design §6.1: the person has the newer cookie and has used it; the thief's older one gives the theft away."""
    browser = await world.signed_in()
    thief = copy_of(browser, world)
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    await browser.fetch("/api/todos")
    world.clock.advance(60)
    assert (await thief.fetch("/api/todos")).status_code == 401
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert world.issuer.ended == set(world.issuer.generations)


async def test_a_thief_who_refreshes_first_is_found_as_well(world: "World") -> None:
    """Then it is the person's cookie that is too old; everybody signs in again, the thief cannot."""
    browser = await world.signed_in()
    thief = copy_of(browser, world)
    world.clock.advance(250)
    await thief.fetch("/api/todos")
    await thief.fetch("/api/todos")
    world.clock.advance(60)
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert (await thief.fetch("/api/todos")).status_code == 401


async def test_signing_out_during_a_refresh_wins(world: "World") -> None:
    """The refresh comes back with living tokens: they are dropped and revoked, and no cookie is set."""
    browser = await world.signed_in()
    world.clock.advance(250)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def gate() -> None:
        arrived.set()
        await go_on.wait()

    world.network.hold(TOKEN, gate)
    tab = copy_of(browser, world)
    call = asyncio.create_task(tab.fetch("/api/todos"))
    await arrived.wait()
    world.network.fail("https://id.example/revoke", *[httpx2.ConnectError("down")] * 3)
    await browser.fetch("/auth/logout", "POST")
    go_on.set()
    assert (await call).status_code == 401
    assert tab.cookies == {}
    assert world.api.requests == []
    assert world.issuer.ended == set(world.issuer.generations)


async def test_a_token_that_the_api_refuses_is_replaced_once(world: "World") -> None:
    """RFC 6750 §3.1: it was revoked, or its key withdrawn, before its time; the person notices nothing."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refused.add(world.issuer.issued[0])
    answer = await browser.fetch("/api/todos", "POST", b"milk")
    assert answer.status_code == 200
    assert world.api.bodies == [b"milk", b"milk"]
    assert world.refreshes() == 1
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 1


async def test_an_api_that_refuses_every_token_does_not_make_each_request_a_refresh(world: "World") -> None:
    """A wrong audience in its configuration must not become a load on the issuer."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refuses_all = True
    for _ in range(5):
        assert (await browser.fetch("/api/todos")).status_code == 401
    assert world.refreshes() == 1
    assert "__Host-session" in browser.cookies


async def test_an_api_that_refuses_the_token_of_an_ended_session_ends_it_here(world: "World") -> None:
    """The API follows the revocations; the refresh says the same, and the cookie goes."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.issuer.ended.update(world.issuer.generations)
    answer = await browser.fetch("/api/todos")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert browser.cookies == {}


async def test_without_a_refresh_token_the_session_ends_with_its_access_token(world: "World") -> None:
    """An issuer may give none (RFC 6749 §5.1)."""
    world.issuer.answer["refresh_token"] = None
    browser = await world.signed_in()
    world.clock.advance(299)
    assert (await browser.fetch("/api/todos")).status_code == 200
    world.clock.advance(1)
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert browser.cookies == {}
    assert world.refreshes() == 0


async def test_tokens_that_grow_too_large_end_the_session_instead_of_breaking_it(world: "World") -> None:
    """They fit into no cookie; they are revoked, and the person signs in again."""
    browser = await world.signed_in()
    world.clock.advance(250)
    world.issuer.answer.update(access_token="a" * 12_000, id_token=None)
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert browser.cookies == {}
    assert world.issuer.ended == set(world.issuer.generations)


async def test_a_refresh_that_answers_for_another_person_ends_the_session(world: "World") -> None:
    """OIDC Core §12.2: the subject stays the same."""
    browser = await world.signed_in()
    world.clock.advance(250)
    world.issuer.claims["sub"] = "person-2"
    assert (await browser.fetch("/api/todos")).status_code == 401
    assert browser.cookies == {}
    assert world.issuer.ended == set(world.issuer.generations)


async def test_a_refresh_survives_keys_that_cannot_be_fetched(world: "World") -> None:
    """The tokens are rotated already: the new ID token is left aside, and the session goes on."""
    browser = await world.signed_in()
    hint = world.issuer.issued[2]
    world.clock.advance(700)
    world.start()
    world.network.fail("https://id.example/jwks", httpx2.ConnectError("down"))
    assert (await browser.fetch("/api/todos")).status_code == 200
    await browser.fetch("/auth/logout", "POST")
    await browser.open("https://app.example/auth/logout")
    assert world.network.requests[-1].url.params["id_token_hint"] == hint
