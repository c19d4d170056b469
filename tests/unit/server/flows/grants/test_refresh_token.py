"""The retry window of refreshing at its edges (design §6.1)."""

import msgspec
import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.grant import Refuse
from jotary.server.flows.grants.refresh_token import Facts, Replay, Request, Revoke, Rotate, decide
from jotary.server.model.client import Client
from jotary.server.model.refresh_token import RefreshToken
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.settings import Settings

NOW = 1_800_000_000
CLIENT = Client(
    id="native",
    name="native",
    type="native",
    token_endpoint_auth_method="none",
    grant_types=("refresh_token",),
    scopes=("todo:read",),
    audiences=("https://todo.example.com",),
    created_at=0,
)
FACTS = Facts(
    session=Session(
        id="s",
        user_id="u",
        client_id="native",
        sign_in_id=None,
        scopes=("todo:read",),
        resources=("https://todo.example.com",),
        generation=2,
        authenticated_at=NOW,
        created_at=NOW,
        rotated_at=NOW,
        idle_expires_at=NOW + 10_000,
        expires_at=NOW + 20_000,
    ),
    user=User(id="u", email="u@example.com", created_at=0),
)


def present(generation: int, *, after: int, window: int = 30, ahead: int = 0) -> object:
    """The decision on a token, some seconds after the last rotation by our clock."""
    settings = Settings(secret=Secret("x" * 32), refresh_retry_window=window)
    request = Request(token=RefreshToken("s", generation), client=CLIENT)
    return decide(request, msgspec.structs.replace(FACTS, ahead=ahead), NOW + after, settings)


@pytest.mark.parametrize("after", [0, 1, 29, 30])
def test_the_previous_token_is_repeated_within_the_window(after: int) -> None:
    """A lost answer, a second tab: the current token once more."""
    decision = present(1, after=after)

    assert isinstance(decision, Replay)
    assert decision.generation == 2


def test_the_previous_token_is_theft_after_the_window() -> None:
    """Nobody retries for that long."""
    assert isinstance(present(1, after=31), Revoke)


@pytest.mark.parametrize("after", [0, 31])
def test_anything_older_is_theft_at_any_time(after: int) -> None:
    """Its successor was used, so somebody got its answer."""
    assert isinstance(present(0, after=after), Revoke)


@pytest.mark.parametrize("after", [0, 31, 9_999])
def test_the_current_token_rotates_at_any_time(after: int) -> None:
    """As long as the session lives."""
    decision = present(2, after=after)

    assert isinstance(decision, Rotate)
    assert (decision.generation, decision.change.generation) == (3, 2)


@pytest.mark.parametrize("after", [-1, 0, 1])
def test_a_window_of_zero_takes_every_repetition_for_theft(after: int) -> None:
    """As the setting says: even within the same second, or by a clock that runs behind."""
    assert isinstance(present(1, after=after, window=0), Revoke)


def test_nobody_is_refreshed_without_a_person() -> None:
    """The database deletes sessions with their person; the decision does not rely on it."""
    request = Request(token=RefreshToken("s", 2), client=CLIENT)
    facts = msgspec.structs.replace(FACTS, user=None)

    assert isinstance(decide(request, facts, NOW, Settings(secret=Secret("x" * 32))), Refuse)


def test_a_clock_that_runs_behind_signs_nobody_out() -> None:
    """Another process rotated a moment ago, by a clock that runs ahead of ours."""
    assert isinstance(present(1, after=-3), Replay)


@pytest.mark.parametrize("wrong", [-3600, -60, 60, 3600])
def test_the_window_is_of_the_database(wrong: int) -> None:
    """Another server has rotated; how wrong our own clock is neither opens the window nor closes it."""
    assert isinstance(present(1, after=30 + wrong, ahead=-wrong), Replay)
    assert isinstance(present(1, after=31 + wrong, ahead=-wrong), Revoke)


def test_a_rotation_is_written_in_the_time_of_the_database() -> None:
    """As it will be compared."""
    decision = present(2, after=100, ahead=-60)

    assert isinstance(decision, Rotate)
    assert decision.change.at == NOW + 40
