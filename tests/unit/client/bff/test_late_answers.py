"""Answers that arrive when the browser's cookie is another one already: they leave it alone."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from jotary.client.bff import memory

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio

SLOW = "https://api.example/v1/slow"


async def test_a_slow_answer_leaves_the_session_alone_that_was_begun_meanwhile(world: "World") -> None:
    """Another tab signed in again. What the old session's answer took away would be the new one's cookie."""
    browser = await world.signed_in()
    gate = world.network.hold(SLOW)
    call = asyncio.create_task(browser.fetch("/api/slow"))
    await gate.arrived.wait()
    await browser.sign_in()
    gate.go_on.set()
    await call
    assert (await browser.fetch("/auth/me")).status_code == 200


async def test_a_slow_answer_that_was_refreshed_does_so_too(world: "World") -> None:
    """It carries no cookie of a session that is over."""
    browser = await world.signed_in()
    world.clock.advance(250)
    gate = world.network.hold(SLOW)
    call = asyncio.create_task(browser.fetch("/api/slow"))
    await gate.arrived.wait()
    await browser.fetch("/auth/logout", "POST")
    await browser.sign_in()
    cookie = browser.cookies["__Host-session"]
    gate.go_on.set()
    assert "set-cookie" not in (await call).headers
    assert browser.cookies["__Host-session"] == cookie


@pytest.mark.parametrize("path", ["/auth/me", "/api/todos"])
async def test_a_request_that_was_sent_just_before_another_sign_in_takes_nothing_away(
    world: "World", path: str
) -> None:
    """Tabs that a browser opens anew all sign in at once; each answer to the last one's session says so, no more."""
    browser = await world.signed_in()
    earlier = browser.copy()
    await browser.sign_in()
    answer = await earlier.fetch(path)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert world.api.requests == []


async def test_sessions_that_others_stand_for_are_remembered_with_a_bound(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one makes room."""
    monkeypatch.setattr(memory, "MOST_ENDED", 2)
    earlier = []
    for _ in range(3):
        browser = await world.signed_in()
        earlier.append(browser.copy())
        await browser.sign_in()
    assert list(world.bff._keeper._superseded._ended.values()) == [world.clock() + 14 * 86_400] * 2
    answers = [await tab.fetch("/auth/me") for tab in earlier[1:]]
    assert [(answer.status_code, "set-cookie" in answer.headers) for answer in answers] == [(401, False)] * 2


async def test_a_refresh_that_another_sign_in_overtakes_takes_nothing_away(world: "World") -> None:
    """The session ends while its refresh is under way, and its cookie is not there any more."""
    browser = await world.signed_in()
    earlier = browser.copy()
    world.clock.advance(250)
    address = await browser.begin()
    gate = world.network.hold("https://id.example/token")
    call = asyncio.create_task(earlier.fetch("/api/todos"))
    await gate.arrived.wait()
    world.network.let_pass("https://id.example/token")
    await browser.come_back(address)
    gate.go_on.set()
    answer = await call
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert (await browser.fetch("/auth/me")).status_code == 200


async def test_an_answer_that_took_minutes_does_not_put_an_older_cookie_back(world: "World") -> None:
    """A large upload. The refresh token of its beginning has been used since: shown again, it would end the session."""
    browser = await world.signed_in()
    world.clock.advance(250)
    gate = world.network.hold(SLOW)
    upload = asyncio.create_task(browser.fetch("/api/slow"))
    await gate.arrived.wait()
    for seconds in (0, 1, 250, 1, 31):
        world.clock.advance(seconds)
        assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.refreshes() == 2
    gate.go_on.set()
    assert "set-cookie" not in (await upload).headers
    world.clock.advance(250)
    assert (await browser.fetch("/api/todos")).status_code == 200
    assert world.issuer.ended == set()


async def test_a_session_that_ends_before_its_answer_begins_takes_nothing_away(world: "World") -> None:
    """The browser has dropped its cookie by itself, and may have another one by now."""
    world.start(session_lifetime=260)
    browser = await world.signed_in()
    world.clock.advance(250)
    gate = world.network.hold(SLOW)
    call = asyncio.create_task(browser.fetch("/api/slow"))
    await gate.arrived.wait()
    world.clock.advance(10)
    await browser.sign_in()
    gate.go_on.set()
    answer = await call
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert (await browser.fetch("/auth/me")).status_code == 200
