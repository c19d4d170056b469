"""`jotary serve --workers 2` is one server: whichever of its processes a connection comes to knows all."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from jotary.cli.demonstration.browser import Browser
from jotary.cli.demonstration.cast import EMAIL, NATIVE, ROBOT
from jotary.jose import KeySet, jwt

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

Auth = tuple[str, str]

AT_ONCE = 24
JOTARY = Path(sys.executable).with_name("jotary")
JWKS = "/.well-known/jwks.json"
OWN_TOKEN = {"grant_type": "client_credentials", "resource": "http://127.0.0.1:8001"}
PATIENCE = 30  # seconds, of which each worker needs about one to read its keys

on_each_database = pytest.mark.parametrize("user_database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def workers(user_api: "UserAPI", tmp_path: Path) -> Iterator[str]:
    """The origin of two workers, beside the process at the issuer's door."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "workers.log").open("w") as log:
        process = subprocess.Popen(
            [JOTARY, "serve", "--workers", "2", "--port", str(port)],
            env={**os.environ, **user_api.environment, "JOTARY_LOG_FORMAT": "json"},
            stdout=log,
            stderr=log,
        )
    while (tmp_path / "workers.log").read_text().count('"started"') < 2:
        assert process.poll() is None, (tmp_path / "workers.log").read_text()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait() == 0


@pytest.fixture
def robot(user_api: "UserAPI") -> Auth:
    """What a service proves itself with (RFC 6749 §2.3.1)."""
    return ROBOT, user_api.cast.robot_secret.reveal()


def ask(origin: str, path: str, form: dict[str, str] | None = None, auth: Auth | None = None) -> httpx2.Response:
    """One question on a connection of its own; the kernel says which worker gets it."""
    with httpx2.Client(timeout=30, trust_env=False, verify=False, auth=auth) as client:
        return client.get(origin + path) if form is None else client.post(origin + path, data=form)


def ask_all(
    origin: str, path: str, form: dict[str, str] | None = None, auth: Auth | None = None
) -> list[httpx2.Response]:
    """The same question many times at once."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda _: ask(origin, path, form, auth), range(AT_ONCE)))


@on_each_database
def test_two_workers_are_one_server(user_api: "UserAPI", workers: str) -> None:
    """Design §6.7: one successor of a token, one redemption of a code, one set of keys, and an end for all."""
    user_api.start()
    player = user_api.player()
    player.sign_in()
    form = {"grant_type": "refresh_token", "client_id": NATIVE, "refresh_token": player.tokens.refresh_token}
    refreshed = ask_all(workers, "/token", form)
    assert {answer.status_code for answer in refreshed} == {200}
    (successor,) = {answer.json()["refresh_token"] for answer in refreshed}
    assert len({answer.content for answer in ask_all(workers, JWKS)}) == 1

    assert ask(workers, "/revoke", {"client_id": NATIVE, "token": successor}).status_code == 200
    ended = ask_all(workers, "/token", {**form, "refresh_token": successor})
    assert {(answer.status_code, answer.json()["error"]) for answer in ended} == {(400, "invalid_grant")}

    redeemed = ask_all(workers, "/token", player.authorize())
    assert sorted(answer.status_code for answer in redeemed) == [200] + [400] * (AT_ONCE - 1)


@on_each_database
def test_two_workers_introspect_as_one(workers: str, robot: Auth) -> None:
    """RFC 7662 §2.2: what one of them was told to revoke is inactive at both, from the answer on (RFC 7009 §2)."""
    token = {"token": ask(workers, "/token", OWN_TOKEN, robot).json()["access_token"]}
    assert [answer.json()["active"] for answer in ask_all(workers, "/introspect", token, robot)] == [True] * AT_ONCE
    assert ask(workers, "/revoke", token, robot).status_code == 200
    assert [answer.json() for answer in ask_all(workers, "/introspect", token, robot)] == [{"active": False}] * AT_ONCE


@on_each_database
@pytest.mark.parametrize("user_api", [{"JOTARY_SIGN_IN_ATTEMPTS": "5"}], indirect=True)
def test_two_workers_count_wrong_passwords_as_one(workers: str) -> None:
    """CWE-307: who tries them at both at once has as many as at one."""

    def guess(_: int) -> int:
        with Browser() as browser:
            page = browser.open(f"{workers}/sign-in")
            assert isinstance(page, httpx2.Response)
            answer = browser.submit(page, username=EMAIL, password="wrong")
            assert isinstance(answer, httpx2.Response)
            return answer.status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert sorted(threads.map(guess, range(AT_ONCE))) == [400] * 5 + [429] * (AT_ONCE - 5)


@on_each_database
def test_two_workers_replace_their_key_as_one(user_api: "UserAPI", workers: str, robot: Auth) -> None:
    """Design §6.2: the command speaks to the database; both sign with the new key, and neither shows the old one."""

    def kids() -> set[str]:
        return {key["kid"] for answer in ask_all(workers, JWKS) for key in answer.json()["keys"]}

    before = kids()
    command: list[str | Path] = [JOTARY, "key", "rotate", "--compromised"]
    subprocess.run(command, env={**os.environ, **user_api.environment}, check=True, timeout=60)
    deadline = time.monotonic() + PATIENCE
    while kids() & before:
        assert time.monotonic() < deadline, "a worker does not read its keys"
        time.sleep(0.2)
    keys = KeySet.from_jwks(ask(workers, JWKS).json())
    assert len(keys) == 1
    for answer in ask_all(workers, "/token", OWN_TOKEN, robot):
        jwt.verify(answer.json()["access_token"], keys, algorithms={"ES256"}, typ="at+jwt")
