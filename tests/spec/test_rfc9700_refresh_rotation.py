"""Refresh token rotation, scene by scene (RFC 9700 §4.14.2, design §6.1); at random in the machines beside."""

import asyncio
from typing import TYPE_CHECKING, Any

from jotary.server.model.client import Client
from jotary.server.model.refresh_token import RefreshTokens

if TYPE_CHECKING:
    from tests.spec.conftest import Desk


def test_a_hundred_parallel_refreshes_all_get_the_same_token(desk: "Desk") -> None:
    """Design §6.1: one rotates, the others repeat its answer; each has an access token of its own."""
    mine = desk.add_public_client()
    tokens = desk.sign_in(mine)

    responses = desk.run(_in_parallel(desk, mine, tokens.refresh_token, 100))

    assert len({response.refresh_token for response in responses}) == 1
    assert len({desk.claims(response.access_token)["jti"] for response in responses}) == 100
    session = desk.session(desk.claims(tokens.access_token)["sid"])
    assert (session.generation, session.ended_at) == (1, None)
    assert desk.kinds() == ["session.opened"]


async def _in_parallel(desk: "Desk", mine: Client, refresh_token: str | None, count: int) -> list[Any]:
    request = desk.refreshing(mine, refresh_token)
    return await asyncio.gather(*(desk.token(*request, now=desk.now) for _ in range(count)))


def test_a_theft_ends_the_session_for_both(desk: "Desk") -> None:
    """RFC 9700 §4.14.2: nobody can tell thief from owner, so both are out; APIs and operator hear of it."""
    mine = desk.add_public_client()
    first = desk.sign_in(mine)
    newest = desk.refresh(mine, desk.refresh(mine, first.refresh_token).refresh_token)

    error = desk.refused(desk.refresh, mine, first.refresh_token)

    assert (error.error, error.status) == ("invalid_grant", 400)
    session = desk.session(desk.claims(first.access_token)["sid"])
    assert (session.ended_at, session.end_reason) == (desk.now, "reuse_detected")
    assert desk.refused(desk.refresh, mine, newest.refresh_token).error == "invalid_grant"
    assert desk.kinds() == ["session.opened", "session.reuse_detected"]
    event = desk.events()[-1]
    assert (event.session_id, event.client_id, event.detail) == (session.id, mine.id, {"generation": 0})
    cut_off = desk.run(desk.store.revocation("sid", session.id, now=desk.now))
    assert cut_off is not None
    assert cut_off.expires_at >= desk.now + desk.settings.access_token_lifetime


def test_a_token_of_the_future_is_in_the_audit_trail(desk: "Desk") -> None:
    """Design §6.1: the database was set back, and an operator has to know."""
    mine = desk.add_public_client()
    session_id = desk.claims(desk.sign_in(mine).access_token)["sid"]

    desk.refused(desk.refresh, mine, desk.refresh_tokens.mint(session_id, 7))

    assert desk.kinds() == ["session.opened", "session.generation_ahead"]


OLD_KEY, NEW_KEY = bytes(range(32)), bytes(range(32, 64))


def test_replacing_the_secret_signs_nobody_out(desk: "Desk") -> None:
    """Design §6.1: a token under the old secret rotates into one under the new; its repetition gets the same one."""
    desk.use_refresh_tokens(RefreshTokens(OLD_KEY))
    mine = desk.add_public_client()
    first = desk.sign_in(mine)

    desk.use_refresh_tokens(RefreshTokens(NEW_KEY, OLD_KEY))
    second = desk.refresh(mine, first.refresh_token)
    again = desk.refresh(mine, first.refresh_token)

    assert second.refresh_token == again.refresh_token
    desk.use_refresh_tokens(RefreshTokens(NEW_KEY))  # the old one is forgotten
    assert desk.refresh(mine, second.refresh_token).refresh_token != second.refresh_token
    assert desk.session(desk.claims(first.access_token)["sid"]).ended_at is None


def test_a_theft_is_noticed_across_a_change_of_the_secret(desk: "Desk") -> None:
    """RFC 9700 §4.14.2: the stolen token is the one under the old secret."""
    desk.use_refresh_tokens(RefreshTokens(OLD_KEY))
    mine = desk.add_public_client()
    first = desk.sign_in(mine)
    desk.use_refresh_tokens(RefreshTokens(NEW_KEY, OLD_KEY))
    newest = desk.refresh(mine, first.refresh_token)
    desk.now += desk.settings.refresh_retry_window + 1

    assert desk.refused(desk.refresh, mine, first.refresh_token).error == "invalid_grant"
    assert desk.refused(desk.refresh, mine, newest.refresh_token).error == "invalid_grant"
    assert desk.session(desk.claims(first.access_token)["sid"]).end_reason == "reuse_detected"


def test_a_secret_that_leaked_is_good_for_nothing(desk: "Desk") -> None:
    """Who has it could mint the token of any session: it is not accepted, and ends nothing either."""
    desk.use_refresh_tokens(RefreshTokens(OLD_KEY))
    mine = desk.add_public_client()
    first = desk.sign_in(mine)
    desk.use_refresh_tokens(RefreshTokens(NEW_KEY))

    assert desk.refused(desk.refresh, mine, first.refresh_token).error == "invalid_grant"
    assert desk.session(desk.claims(first.access_token)["sid"]).generation == 0
