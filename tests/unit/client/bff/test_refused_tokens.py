"""Tokens that the API refuses, and refreshes that give something else than was expected."""

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest
from starlette.responses import Response

from jotary.client.transport import UpstreamAnswer

if TYPE_CHECKING:
    from tests.unit.client.bff.conftest import World

pytestmark = pytest.mark.anyio


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


async def test_a_clock_that_is_set_back_makes_no_token_young(world: "World") -> None:
    """An hour later by the world's clock it has long expired, and what this clock says of it is worth nothing."""
    browser = await world.signed_in()
    world.clock.advance(-3600)
    for _ in range(2):
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
    assert len(world.api.requests) == 6  # the first one twice
    assert "__Host-session" in browser.cookies


async def test_a_token_that_was_just_issued_is_not_traded_for_another(world: "World") -> None:
    """For thirty seconds a refusal says more about the API than about the token."""
    browser = await world.signed_in()
    world.api.refuses_all = True
    for seconds, refreshes in ((29, 0), (1, 1)):
        world.clock.advance(seconds)
        assert (await browser.fetch("/api/todos")).status_code == 401
        assert world.refreshes() == refreshes


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


@pytest.fixture
def given_back(world: "World", monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The status of each answer of the API that was closed, in order."""
    closed: list[int] = []
    send = world.bff._to_apis.send

    async def watched(*arguments: Any) -> UpstreamAnswer:
        answer = await send(*arguments)

        async def aclose() -> None:
            closed.append(answer.status)
            await answer.aclose()

        return msgspec.structs.replace(answer, aclose=aclose)

    monkeypatch.setattr(world.bff._to_apis, "send", watched)
    return closed


async def test_a_refused_answer_is_given_back_when_who_asked_is_gone(world: "World", given_back: list[int]) -> None:
    """The refresh is still under way; nobody would ever read the API's answer, which holds one of its connections."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refuses_all = True
    gate = world.network.hold("https://id.example/token")
    call = asyncio.create_task(browser.fetch("/api/todos"))
    await gate.arrived.wait()
    assert given_back == []
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert given_back == [401]


@pytest.mark.parametrize(("is_over", "statuses"), [(False, [401, 200]), (True, [401])])
async def test_every_answer_of_the_api_is_given_back(
    world: "World", given_back: list[int], statuses: list[int], *, is_over: bool
) -> None:
    """The refused one before the request is sent again, or when the session turns out to be over."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refused.add(world.issuer.issued[0])
    if is_over:
        world.issuer.ended.update(world.issuer.generations)
    await browser.fetch("/api/todos")
    assert given_back == statuses


async def test_what_is_forbidden_is_no_reason_for_another_token(world: "World") -> None:
    """RFC 6750 §3.1: it has too few scopes, and so would the next one."""
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.response = lambda _request: Response(status_code=403)
    assert (await browser.fetch("/api/todos")).status_code == 403
    assert world.refreshes() == 0


async def test_without_a_refresh_token_a_refusal_by_the_api_ends_nothing(world: "World") -> None:
    """One of several APIs may be set up wrongly; there is nothing to trade, and its answer is passed back."""
    world.issuer.answer["refresh_token"] = None
    browser = await world.signed_in()
    world.clock.advance(100)
    world.api.refuses_all = True
    assert (await browser.fetch("/api/todos")).json() == {"error": "invalid_token"}
    assert (await browser.fetch("/auth/me")).status_code == 200


async def test_an_id_token_that_is_too_large_is_left_out_and_the_session_goes_on(world: "World") -> None:
    """At sign-in and at a refresh alike: it is a hint for signing out, and the only part that can be spared."""
    world.issuer.claims["groups"] = ["g" * 100] * 85
    browser = await world.signed_in()
    for _ in range(2):
        assert (await browser.fetch("/api/todos")).status_code == 200
        world.clock.advance(250)
    assert world.refreshes() == 1
    world.start()
    assert (await browser.fetch("/api/todos")).status_code == 200
