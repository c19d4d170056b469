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

from jotary.cli.demonstration.cast import NATIVE

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

AT_ONCE = 24

on_each_database = pytest.mark.parametrize("user_database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def workers(user_api: "UserAPI", tmp_path: Path) -> Iterator[str]:
    """The origin of two workers, beside the process at the issuer's door."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "workers.log").open("w") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("jotary"), "serve", "--workers", "2", "--port", str(port)],
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


def ask(origin: str, path: str, form: dict[str, str] | None = None) -> httpx2.Response:
    """One question on a connection of its own; the kernel says which worker gets it."""
    with httpx2.Client(timeout=30, trust_env=False, verify=False) as client:
        return client.get(origin + path) if form is None else client.post(origin + path, data=form)


def ask_all(origin: str, path: str, form: dict[str, str] | None = None) -> list[httpx2.Response]:
    """The same question many times at once."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda _: ask(origin, path, form), range(AT_ONCE)))


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
    assert len({answer.content for answer in ask_all(workers, "/.well-known/jwks.json")}) == 1

    assert ask(workers, "/revoke", {"client_id": NATIVE, "token": successor}).status_code == 200
    ended = ask_all(workers, "/token", {**form, "refresh_token": successor})
    assert {(answer.status_code, answer.json()["error"]) for answer in ended} == {(400, "invalid_grant")}

    redeemed = ask_all(workers, "/token", player.authorize())
    assert sorted(answer.status_code for answer in redeemed) == [200] + [400] * (AT_ONCE - 1)
