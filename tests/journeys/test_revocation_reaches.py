"""However a session ends, every API that follows the feed refuses its tokens (design §6.3)."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jotary import InvalidToken, TokenVerifier
from jotary.cli.demonstration.cast import EMAIL, NATIVE
from jotary.cli.demonstration.player import Player

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

TODO_API = "http://127.0.0.1:8001"
#: Seconds: far less than an access token lives, and far more than the second that bench/revoke.py measures.
PATIENCE = 15

JOTARY = shutil.which("jotary", path=str(Path(sys.executable).parent)) or "jotary"

Cause = Callable[["UserAPI", Player], None]


def sign_out(api: "UserAPI", player: Player) -> None:
    """The client gives its refresh token back (RFC 7009)."""
    form = {"client_id": NATIVE, "token": player.tokens.refresh_token}
    answer = player.http.post(str(player.metadata.revocation_endpoint), data=form)
    assert answer.status_code == 200


def steal(api: "UserAPI", player: Player) -> None:
    """Somebody uses a token that was used before, after the window for retries."""
    used = player.tokens.refresh_token
    assert player.take(player.refresh(used)).status_code == 200
    time.sleep(2.5)  # the window is one second, and times are whole seconds
    assert player.refresh(used).status_code == 400


def _administer(*command: str) -> Cause:
    def run(api: "UserAPI", player: Player) -> None:
        environment = {**os.environ, **api.environment}
        subprocess.run([JOTARY, *command], env=environment, check=True, timeout=60)

    return run


CAUSES: dict[str, Cause] = {
    "signed out": sign_out,
    "reuse detected": steal,
    "session ended by an administrator": _administer("session", "revoke", "--user", EMAIL),
    "user disabled": _administer("user", "disable", EMAIL),
    "user deleted": _administer("user", "delete", EMAIL, "--yes"),
    "client deleted": _administer("client", "delete", NATIVE, "--yes"),
}


@pytest.fixture
def apis(user_api: "UserAPI") -> Iterator[list[TokenVerifier]]:
    """Two APIs, each with the feed of another process of the issuer."""
    with ExitStack() as closing:
        yield [_following(user_api.start(door=door), user_api, closing) for door in (0, 1)]


def _following(origin: str, user_api: "UserAPI", closing: ExitStack) -> TokenVerifier:
    verifier = TokenVerifier(issuer=user_api.issuer, audience=TODO_API, jwks_uri=f"{origin}/.well-known/jwks.json")
    closing.callback(verifier.close)
    return verifier


@pytest.mark.parametrize("user_api", [{"JOTARY_REFRESH_RETRY_WINDOW": "1"}], indirect=True)
@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_every_api_refuses(user_api: "UserAPI", apis: list[TokenVerifier], cause: Cause) -> None:
    """The tokens of another person or client are good as ever."""
    player = user_api.player()
    assert player.sign_in().status_code == 200
    robot = player.ask({"grant_type": "client_credentials"}, secret=("todo-robot", user_api.cast.robot_secret.reveal()))
    other = str(robot.json()["access_token"])
    token = player.tokens.access_token
    for api in apis:
        assert api.verify(token).client_id == NATIVE
        assert api.verify(other).client_id == "todo-robot"
    cause(user_api, player)
    for api in apis:
        assert _refusal(api, token) == "revoked"
        assert api.verify(other).client_id == "todo-robot"


def _refusal(api: TokenVerifier, token: str) -> str:
    """What the API says is wrong with the token, once the cut-off has come."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            api.verify(token)
        except InvalidToken as error:
            return error.claim
        time.sleep(0.02)
    return "still accepted"
