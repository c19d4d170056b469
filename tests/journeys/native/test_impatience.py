"""`jotary login` with a browser that stays in the foreground, and with a person who loses patience (design §6.6)."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jotary.cli.demonstration.cast import NATIVE

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI
    from tests.journeys.native.conftest import Desktop

SEALED = {"JOTARY_PASSPHRASE": "correct horse"}


@pytest.fixture
def foreground(tmp_path: Path) -> str:
    """A browser for which Python's webbrowser waits until it is closed."""
    script = tmp_path / "browser"
    script.write_text("#!/bin/sh\nexec sleep 40 >/dev/null 2>&1\n")
    script.chmod(0o700)
    return str(script)


def command(api: "UserAPI") -> tuple[str, ...]:
    """Sign in, with a browser."""
    return ("login", "--issuer", api.issuer, "--client-id", NATIVE, "--store", "file")


def test_who_signs_in_need_not_close_the_browser(running: "UserAPI", bare_desktop: "Desktop", foreground: str) -> None:
    """The person is back before the program that opened the browser; the command goes on, and ends."""
    process = bare_desktop.start(*command(running), BROWSER=foreground, **SEALED)
    said = bare_desktop.sign_in(process, running)
    assert (said.code, "Signed in at" in said.out) == (0, True), said
    assert bare_desktop.run("token", **SEALED).code == 0
    assert bare_desktop.run("logout", **SEALED).code == 0


def test_one_interrupt_ends_a_login(running: "UserAPI", bare_desktop: "Desktop", foreground: str) -> None:
    """Whatever the browser does; no trace is printed, and nothing is remembered."""
    process = bare_desktop.start(*command(running), BROWSER=foreground, **SEALED)
    assert process.stderr is not None
    said = next(line for line in process.stderr if line.startswith("http"))
    assert said.startswith(running.issuer)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, "Traceback" in err) == (1, "", False), err
    assert not list(bare_desktop.home.rglob("login.json"))
