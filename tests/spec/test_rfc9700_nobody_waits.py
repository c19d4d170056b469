"""A token request whose client has hung up brings nothing about (design §6.1).

A server that stood still finds it long after its client has gone elsewhere with the same token or code.
"""

from typing import TYPE_CHECKING

import pytest

from jotary.server.ports import Abandoned

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

    from jotary.oauth.parameters import Parameters


def _ask_and_hang_up(desk: "Desk", request: "tuple[Parameters, str | None]") -> None:
    with pytest.raises(Abandoned):
        desk.run(desk.token(*request, now=desk.now, is_awaited=lambda: False))


def test_an_old_refresh_token_ends_no_session(desk: "Desk") -> None:
    """RFC 9700 §4.14.2 is about somebody who uses it, and waits for what comes of it."""
    mine = desk.add_public_client()
    first = desk.sign_in(mine)
    newest = desk.refresh(mine, desk.refresh(mine, first.refresh_token).refresh_token)

    _ask_and_hang_up(desk, desk.refreshing(mine, first.refresh_token))

    assert desk.kinds() == ["session.opened"]
    assert desk.refresh(mine, newest.refresh_token).refresh_token != newest.refresh_token


def test_a_session_does_not_move_on_to_a_token_that_nobody_gets(desk: "Desk") -> None:
    """Its client comes back when it likes: past the retry window it would be taken for a thief."""
    mine = desk.add_public_client()
    first = desk.sign_in(mine)

    _ask_and_hang_up(desk, desk.refreshing(mine, first.refresh_token))
    desk.now += desk.settings.refresh_retry_window + 1

    assert desk.refresh(mine, first.refresh_token).refresh_token != first.refresh_token


def test_a_code_is_neither_used_up_nor_taken_for_used_twice(desk: "Desk") -> None:
    """RFC 6749 §4.1.2: before it is redeemed, and after."""
    mine, person = desk.add_public_client(), desk.add_user()
    issued = desk.issue_code(mine, person)

    _ask_and_hang_up(desk, desk.redemption(mine, issued))
    tokens = desk.redeem(mine, issued)
    _ask_and_hang_up(desk, desk.redemption(mine, issued))

    assert desk.kinds() == ["session.opened"]
    assert desk.refresh(mine, tokens.refresh_token).refresh_token is not None
