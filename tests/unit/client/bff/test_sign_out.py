"""Signing out: here, at the issuer, in other processes, and while something else is under way."""

import asyncio
from typing import TYPE_CHECKING

import httpx2
import pytest

from jotary.client.bff import keeper, memory
from jotary.client.bff.sealing import Sealer
from jotary.client.bff.sign_out import SignOut
from jotary.oauth.secret import Secret

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio

TOKEN = "https://id.example/token"
REVOCATION = "https://id.example/revoke"


async def test_signing_out_ends_the_session_here_and_at_the_issuer(world: "World") -> None:
    """RFC 7009 and RP-Initiated Logout: the refresh token is revoked at once, then the browser goes to the issuer."""
    browser = await world.signed_in()
    answer = await browser.fetch("/auth/logout", "POST")
    assert answer.status_code == 200
    assert answer.json() == {"location": "/auth/logout"}
    assert world.issuer.ended == set(world.issuer.generations)
    assert list(browser.cookies) == ["__Host-signout"]
    assert (await browser.open("https://app.example/auth/logout")).text == "signed out at the issuer"
    sent = world.network.requests[-1].url.params
    assert sent["id_token_hint"] == world.issuer.issued[2]
    assert sent["post_logout_redirect_uri"] == "https://app.example/"
    assert sent["client_id"] == "todo-web"
    assert browser.cookies == {}
    world.assert_no_token_seen(browser)


async def test_the_old_cookie_is_refused_after_signing_out(world: "World") -> None:
    """The cookie is stateless, so the process remembers who left; the API is not even asked."""
    browser = await world.signed_in()
    thief = browser.copy()
    await browser.fetch("/auth/logout", "POST")
    assert (await thief.fetch("/api/todos")).status_code == 401
    assert (await thief.fetch("/auth/me")).status_code == 401
    assert world.api.requests == []
    assert thief.cookies == {}


async def test_another_process_refuses_the_old_cookie_at_the_next_refresh_at_the_latest(world: "World") -> None:
    """Nothing is shared between processes; but the refresh token is dead, and so is the token at a verifying API."""
    browser = await world.signed_in()
    thief = browser.copy()
    await browser.fetch("/auth/logout", "POST")
    world.start()
    assert (await thief.fetch("/api/todos")).status_code == 401  # an API that follows the revocations
    world.clock.advance(240)
    assert (await thief.fetch("/auth/me")).status_code == 401
    assert thief.cookies == {}


async def test_signing_out_while_the_issuer_is_down_still_ends_the_session_here(world: "World") -> None:
    """It cannot be revoked now, so this process remembers the session for as long as it could have lived."""
    browser = await world.signed_in()
    thief = browser.copy()
    world.network.fail(REVOCATION, *[httpx2.ConnectError("down")] * 3)
    assert (await browser.fetch("/auth/logout", "POST")).status_code == 200
    world.clock.advance(3 * 86_400)
    assert (await thief.fetch("/auth/me")).status_code == 401
    assert world.refreshes() == 0


async def test_signing_out_without_a_session_is_no_error(world: "World") -> None:
    """A second tab, or a session that was over already."""
    answer = await world.browser().fetch("/auth/logout", "POST")
    assert answer.json() == {"location": "/"}
    browser = world.browser()
    assert (await browser.open("https://app.example/auth/logout")).text == "page /"
    assert browser.set_cookies == []


async def test_signing_out_twice_ends_it_once(world: "World") -> None:
    """A second tab with the cookie of before: there is nothing left to tell the issuer, nor to see there."""
    browser = await world.signed_in()
    tab = browser.copy()
    await browser.fetch("/auth/logout", "POST")
    answer = await tab.fetch("/auth/logout", "POST")
    assert answer.json() == {"location": "/"}
    assert tab.cookies == {}
    assert world.network.count(REVOCATION) == 1


async def test_an_application_says_where_signing_out_ends(world: "World") -> None:
    """At the issuer, too (OIDC RP-Initiated Logout 1.0 §3)."""
    world.start(signed_out_path="/bye")
    assert (await world.browser().fetch("/auth/logout", "POST")).json() == {"location": "/bye"}
    assert (await world.browser().open("https://app.example/auth/logout")).text == "page /bye"
    browser = await world.signed_in()
    await browser.fetch("/auth/logout", "POST")
    await browser.open("https://app.example/auth/logout")
    assert world.network.requests[-1].url.params["post_logout_redirect_uri"] == "https://app.example/bye"


async def test_a_session_that_could_not_be_revoked_is_remembered_longest(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded; what is dead at the issuer anyway makes room for what is not."""
    monkeypatch.setattr(memory, "MOST_ENDED", 2)
    browsers = [await world.signed_in() for _ in range(3)]
    thief = browsers[0].copy()
    world.network.fail(REVOCATION, *[httpx2.ConnectError("down")] * 3)
    for browser in browsers[:2]:
        await browser.fetch("/auth/logout", "POST")
    world.clock.advance(86_400)
    await browsers[2].fetch("/auth/me")
    await browsers[2].fetch("/auth/logout", "POST")
    before = world.refreshes()
    assert (await thief.fetch("/auth/me")).status_code == 401
    assert world.refreshes() == before


async def test_signing_out_during_a_refresh_wins(world: "World") -> None:
    """The refresh comes back with living tokens: they are dropped and revoked, and no cookie is set."""
    browser = await world.signed_in()
    world.clock.advance(250)
    gate = world.network.hold(TOKEN)
    tab = browser.copy()
    call = asyncio.create_task(tab.fetch("/api/todos"))
    await gate.arrived.wait()
    world.network.fail(REVOCATION, *[httpx2.ConnectError("down")] * 3)
    await browser.fetch("/auth/logout", "POST")
    gate.go_on.set()
    assert (await call).status_code == 401
    assert tab.cookies == {}
    assert world.api.requests == []
    assert world.issuer.ended == set(world.issuer.generations)


async def test_signing_out_while_the_api_is_still_answering_wins(world: "World") -> None:
    """The answer would bring a fresh cookie, which other processes would take: it brings none."""
    browser = await world.signed_in()
    world.clock.advance(250)
    tab = browser.copy()
    gate = world.network.hold("https://api.example/v1/slow")
    call = asyncio.create_task(tab.fetch("/api/slow"))
    await gate.arrived.wait()
    await browser.fetch("/auth/logout", "POST")
    gate.go_on.set()
    assert "set-cookie" not in (await call).headers
    assert (await tab.fetch("/auth/me")).status_code == 401
    assert tab.cookies == {}


async def test_an_id_token_that_is_too_long_is_left_out_of_the_way_to_the_issuer(world: "World") -> None:
    """It is a hint. The issuer asks the person instead."""
    world.issuer.claims["groups"] = ["g" * 100] * 30
    browser = await world.signed_in()
    assert (await browser.fetch("/auth/logout", "POST")).status_code == 200
    assert (await browser.open("https://app.example/auth/logout")).text == "signed out at the issuer"
    assert "id_token_hint" not in world.network.requests[-1].url.params


async def test_a_session_without_an_id_token_signs_out(world: "World") -> None:
    """It was too large for the session, and so for the way to the issuer."""
    world.issuer.claims["groups"] = ["g" * 100] * 85
    browser = await world.signed_in()
    assert (await browser.fetch("/auth/logout", "POST")).json() == {"location": "/auth/logout"}
    assert "; Max-Age=120;" in browser.set_cookies[-1]
    assert (await browser.open("https://app.example/auth/logout")).text == "signed out at the issuer"
    assert "id_token_hint" not in world.network.requests[-1].url.params


async def test_the_longest_id_token_that_fits_is_taken_along(world: "World") -> None:
    """Browsers keep 4096 bytes for one cookie (RFC 6265 §6.1); one more character, and it is left out, no error."""
    sealer = Sealer([b"s" * 32])
    sign_out = SignOut(
        world.bff._settings, world.bff._keeper._provider, world.bff._keeper, sealer, lambda size: b"e" * size
    )
    cookies = [sign_out._hint(Secret("a" * length)) for length in (2809, 2810)]
    values = [cookie.partition(";")[0].partition("=")[2] for cookie in cookies]
    assert [sealer.open(value, purpose="__Host-signout") for value in values] == [b"a" * 2809, b""]


async def test_signing_out_leads_home_when_the_issuer_cannot_be_found(world: "World") -> None:
    """Another process, which has not read its metadata yet: the session is over in any case."""
    browser = await world.signed_in()
    await browser.fetch("/auth/logout", "POST")
    world.start()
    world.network.fail("https://id.example/.well-known/openid-configuration", httpx2.ConnectError("down"))
    assert (await browser.open("https://app.example/auth/logout")).text == "page /"
    assert browser.cookies == {}


async def test_signing_out_without_a_refresh_token_ends_the_session_here(world: "World") -> None:
    """RFC 6749 §5.1: an issuer may give none; nothing can be revoked, and the old cookie is refused."""
    world.issuer.answer["refresh_token"] = None
    browser = await world.signed_in()
    thief = browser.copy()
    assert (await browser.fetch("/auth/logout", "POST")).status_code == 200
    assert world.network.count(REVOCATION) == 0
    assert list(world.bff._keeper._ended._ended.values()) == [world.clock() + 300]  # its token's life, and no longer
    assert (await thief.fetch("/auth/me")).status_code == 401


async def test_a_full_memory_still_refuses_a_cookie_whose_token_lives(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that was ended is remembered until its access token has expired; only then does it make room."""
    monkeypatch.setattr(memory, "MOST_ENDED", 2)
    browsers = [await world.signed_in() for _ in range(3)]
    thieves = [browser.copy() for browser in browsers]
    for browser in browsers:
        await browser.fetch("/auth/logout", "POST")
    answers = [(await thief.fetch("/auth/me")).status_code for thief in thieves]
    assert answers == [200, 401, 401]  # the oldest made room


async def test_the_tokens_of_a_session_that_ended_are_not_kept(world: "World") -> None:
    """The memory of refreshes would otherwise hold them until thousands of others have come."""
    browser = await world.signed_in()
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    assert len(world.bff._keeper._recent._renewed) == 1
    await browser.fetch("/auth/logout", "POST")
    assert not world.bff._keeper._recent._renewed


async def test_the_newest_refresh_token_is_revoked(world: "World") -> None:
    """The answer that carried it was lost; an issuer may take the one before for none at all (RFC 7009 §2.2)."""
    browser = await world.signed_in()
    before = dict(browser.cookies)
    world.clock.advance(250)
    await browser.fetch("/api/todos")
    browser.cookies = before
    await browser.fetch("/auth/logout", "POST")
    assert world.issuer.sent[-1]["token"] == world.issuer.issued[4]


async def test_the_old_cookie_is_refused_while_the_issuer_is_still_being_told(world: "World") -> None:
    """A slow issuer gives nobody more time."""
    browser = await world.signed_in()
    thief = browser.copy()
    gate = world.network.hold(REVOCATION)
    leaving = asyncio.create_task(browser.fetch("/auth/logout", "POST"))
    await gate.arrived.wait()
    assert (await thief.fetch("/api/todos")).status_code == 401
    assert world.api.requests == []
    gate.go_on.set()
    await leaving


async def test_an_issuer_that_hangs_keeps_nobody_signed_in(world: "World", monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes the tab meanwhile would leave the cookie in the browser. It is told all the same."""
    monkeypatch.setattr(keeper, "PATIENCE", 0.01)
    browser = await world.signed_in()
    gate = world.network.hold(REVOCATION)
    assert (await browser.fetch("/auth/logout", "POST")).status_code == 200
    assert list(browser.cookies) == ["__Host-signout"]
    assert world.issuer.ended == set()
    gate.go_on.set()
    await world.bff.aclose()
    assert world.issuer.ended == set(world.issuer.generations)


async def test_people_who_sign_out_at_the_same_time_all_do(world: "World") -> None:
    """One request to the issuer for each of them."""
    browsers = [await world.signed_in() for _ in range(2)]
    gate = world.network.hold(REVOCATION)
    calls = [asyncio.create_task(browser.fetch("/auth/logout", "POST")) for browser in browsers]
    await gate.arrived.wait()
    gate.go_on.set()
    await asyncio.gather(*calls)
    assert world.issuer.ended == set(world.issuer.generations)


async def test_an_ended_session_is_remembered_for_the_life_of_a_token_from_then_on(
    world: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have been given one at that very moment; what ended earlier has expired, and makes room."""
    monkeypatch.setattr(memory, "MOST_ENDED", 2)
    earlier, later = await world.signed_in(), await world.signed_in()
    thief = later.copy()
    await earlier.fetch("/auth/logout", "POST")
    world.clock.advance(239)
    await later.fetch("/auth/logout", "POST")
    world.clock.advance(62)
    await (await world.signed_in()).fetch("/auth/logout", "POST")
    assert (await thief.fetch("/auth/me")).status_code == 401
    assert world.refreshes() == 0
