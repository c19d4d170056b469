"""`jotary login`, `token` and `logout` against a User API, with a real Secret Service (design §6.6, RFC 8252)."""

import json
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI
    from tests.journeys.native.conftest import Desktop

LIFETIME = 2
SHORT_LIVED = pytest.mark.parametrize(
    "user_api", [{"JOTARY_ACCESS_TOKEN_LIFETIME": str(LIFETIME)}], indirect=True, ids=["short-lived"]
)


def test_sign_in_token_sign_out(running: "UserAPI", desktop: "Desktop") -> None:
    """The whole life of a session; of the tokens nothing lies in a file."""
    said = desktop.login(running)
    assert (said.code, "Signed in at" in said.out) == (0, True), said
    token = desktop.run("token")
    assert (token.code, token.err, token.out.count(".")) == (0, "", 2)
    told = json.loads(desktop.run("token", "--json").out)
    assert (told["access_token"], told["issuer"]) == (token.out.strip(), running.issuer)
    files = [path.read_bytes() for path in (desktop.home / "state").rglob("*") if path.is_file()]
    assert files
    assert not any(token.out.strip().encode() in content or b"jrt_" in content for content in files)
    assert desktop.run("logout").code == 0
    assert all(session.ended_at is not None for session in running.sessions())
    after = desktop.run("token")
    assert (after.code, after.out) == (1, "")
    assert "jotary login" in after.err


@SHORT_LIVED
def test_two_processes_that_refresh_at_once_do_not_sign_each_other_out(user_api: "UserAPI", desktop: "Desktop") -> None:
    """Four at once, twice: each gets a token, and the session lives (design §6.1)."""
    user_api.start()
    assert desktop.login(user_api).code == 0
    for generation in (1, 2):
        time.sleep(LIFETIME + 1)
        processes = [desktop.start("token") for _ in range(4)]
        outs = [process.communicate(timeout=60) for process in processes]
        assert [process.returncode for process in processes] == [0] * 4, outs
        session = user_api.session()
        assert session.ended_at is None
        assert session.generation >= generation
    assert desktop.run("token").code == 0


@SHORT_LIVED
def test_a_session_that_the_issuer_ended_is_over_here_too(user_api: "UserAPI", desktop: "Desktop") -> None:
    """An `invalid_grant` deletes the tokens, and the person is told what to do."""
    user_api.start()
    assert desktop.login(user_api, "--store", "file", JOTARY_PASSPHRASE="correct horse").code == 0
    sealed = desktop.home / "state" / "jotary" / "session.sealed"
    assert sealed.stat().st_mode & 0o777 == 0o600
    copy = sealed.read_bytes()
    assert desktop.run("logout", JOTARY_PASSPHRASE="correct horse").code == 0
    sealed.write_bytes(copy)
    (sealed.parent / "login.json").write_text(
        json.dumps({"issuer": user_api.issuer, "client_id": "todo-native", "store": "file"})
    )
    time.sleep(LIFETIME + 1)
    said = desktop.run("token", JOTARY_PASSPHRASE="correct horse")
    assert said.code == 1
    assert "Sign in again" in said.err
    assert not sealed.exists()


def test_without_a_keychain_the_error_says_what_to_do(running: "UserAPI", bare_desktop: "Desktop") -> None:
    """Design §6.6: a clear error, before anybody is sent to a browser, and no quiet fall-back to a file."""
    said = bare_desktop.run("login", "--issuer", running.issuer, "--client-id", "todo-native", "--no-browser")
    assert (said.code, said.out) == (1, "")
    assert "--store file" in said.err
    assert "/authorize" not in said.err
    assert not list(bare_desktop.home.rglob("*.sealed"))


def test_a_second_login_elsewhere_does_not_leave_tokens_behind(running: "UserAPI", desktop: "Desktop") -> None:
    """What nobody looks for is never revoked."""
    assert desktop.login(running).code == 0
    said = desktop.run("login", "--issuer", "https://other.example", "--client-id", "c", "--no-browser")
    assert said.code == 1
    assert "Sign out first" in said.err
