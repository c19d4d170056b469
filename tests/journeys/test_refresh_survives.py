"""A refresh survives open tabs, retries, lost answers and kill -9, and theft still ends the session (design §6.1)."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx2
import pytest

from jotary.cli.demonstration.cast import NATIVE

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

DYING = "dying_server:create"
#: Shared, for each client that loads the certificate authorities anew takes longer than the server to answer it.
NO_TLS = ssl.create_default_context()

on_each_database = pytest.mark.parametrize("user_database", ["sqlite", "postgresql"], indirect=True)


def refresh(origin: str, token: str, **headers: str) -> httpx2.Response:
    """One refresh on a connection of its own."""
    return post(origin, {"grant_type": "refresh_token", "client_id": NATIVE, "refresh_token": token}, headers)


def post(origin: str, form: dict[str, str], headers: dict[str, str]) -> httpx2.Response:
    """Ask the token endpoint once: a crowd is no reason for a 503."""
    with httpx2.Client(timeout=30, trust_env=False, verify=NO_TLS) as client:
        return client.post(f"{origin}/token", data=form, headers=headers)


def refresh_token_of(response: httpx2.Response) -> str:
    """The refresh token of an answer that must be a success."""
    assert response.status_code == 200, response.text
    token: str = response.json()["refresh_token"]
    return token


@on_each_database
def test_a_hundred_refreshes_over_two_processes_have_one_successor(user_api: "UserAPI") -> None:
    """One living head: a hundred requests at once with one token, and nobody is signed out."""
    origins = [user_api.start(door=0), user_api.start(door=1)]
    player = user_api.player()
    player.sign_in()
    with ThreadPoolExecutor(100) as threads:
        answers = list(
            threads.map(lambda number: refresh(origins[number % 2], player.tokens.refresh_token), range(100))
        )
    successors = {refresh_token_of(answer) for answer in answers}
    assert len(successors) == 1
    session = user_api.session()
    assert (session.generation, session.ended_at) == (1, None)
    refresh_token_of(refresh(origins[1], successors.pop()))
    assert user_api.session().generation == 2


@on_each_database
@pytest.mark.parametrize(("moment", "generation"), [("before-work", 0), ("before-answer", 1)])
def test_a_killed_server_signs_nobody_out(user_api: "UserAPI", moment: str, generation: int) -> None:
    """Kill -9 before the work, and between commit and answer: the client asks again and goes on."""
    origin = user_api.start(application=DYING)
    player = user_api.player()
    player.sign_in()
    token = player.tokens.refresh_token
    with pytest.raises(httpx2.TransportError):
        refresh(origin, token, **{"X-Die": moment})
    assert user_api.session().generation == generation, "the commit had happened, or had not"
    user_api.start(application=DYING)
    successor = refresh_token_of(refresh(origin, token))
    assert user_api.session().generation == 1
    refresh_token_of(refresh(origin, successor))
    session = user_api.session()
    assert (session.generation, session.ended_at) == (2, None)


def test_a_lost_answer_is_given_again(user_api: "UserAPI") -> None:
    """The client that heard nothing asks again with what it has, and gets the same successor; nothing is written."""
    origin = user_api.start()
    player = user_api.player()
    player.sign_in()
    first, again = (refresh(origin, player.tokens.refresh_token) for _ in range(2))
    assert refresh_token_of(first) == refresh_token_of(again)
    assert first.json()["access_token"] != again.json()["access_token"]
    assert user_api.session().generation == 1


@pytest.mark.parametrize("user_api", [{"JOTARY_REFRESH_RETRY_WINDOW": "1"}], indirect=True)
def test_a_replay_after_the_window_ends_the_session(user_api: "UserAPI") -> None:
    """RFC 9700 §4.14.2: a used token that comes back late is somebody else's; nobody goes on with this session."""
    origin = user_api.start()
    player = user_api.player()
    player.sign_in()
    used = player.tokens.refresh_token
    living = refresh_token_of(refresh(origin, used))
    time.sleep(2.5)  # the window is one second, and times are whole seconds
    late = refresh(origin, used)
    assert (late.status_code, late.json()["error"]) == (400, "invalid_grant")
    owner = refresh(origin, living)
    assert (owner.status_code, owner.json()["error"]) == (400, "invalid_grant")
    assert user_api.session().end_reason == "reuse_detected"


@on_each_database
def test_a_hundred_redemptions_of_one_code_have_one_winner(user_api: "UserAPI") -> None:
    """RFC 6749 §4.1.2: a code is good once; using it twice ends what it opened."""
    origins = [user_api.start(door=0), user_api.start(door=1)]
    player = user_api.player()
    form = player.authorize()

    comes_again = user_api.settings.database.startswith("postgresql")

    def redeem(number: int) -> httpx2.Response:
        answer = post(origins[number % 2], form, {})
        # Losers all write to one trail: who has waited too long behind the others on PostgreSQL is told to come again.
        while comes_again and answer.status_code == 503:
            time.sleep(int(answer.headers["Retry-After"]))
            answer = post(origins[number % 2], form, {})
        return answer

    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(redeem, range(100)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.json()["error"] for answer in answers if answer.status_code != 200} == {"invalid_grant"}
    session = user_api.session()
    assert session.end_reason == "code_reused"
    assert refresh(origins[0], won[0].json()["refresh_token"]).status_code == 400
