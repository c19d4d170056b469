"""A person's desktop: a bus and a keychain of their own, and the `jotary` command with a browser beside it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

import jotary
from jotary.cli.demonstration.browser import Browser
from jotary.cli.demonstration.cast import NATIVE, Cast
from jotary.cli.demonstration.player import enter_password
from jotary.cli.demonstration.stage import examples_folder

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

SOURCES = os.pathsep.join(str(folder) for folder in (Path(jotary.__file__).parents[1], examples_folder()))
JOTARY = [sys.executable, "-c", "from jotary.cli import main; main()"]
PROGRAMS = ("dbus-daemon", "gnome-keyring-daemon")


class HasCast(Protocol):
    """Whoever knows the person and their password."""

    @property
    def cast(self) -> Cast:
        """Who plays."""


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Desktop:
    """One person at one machine.

    Args:
        home: a folder that is theirs.
        bus: address of their session bus.
    """

    def __init__(self, home: Path, bus: str) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": SOURCES,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "DBUS_SESSION_BUS_ADDRESS": bus,
        }

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `jotary` with these arguments."""
        return self.start_program([*JOTARY, *arguments], **environment)

    def start_program(self, command: list[str], **environment: str) -> subprocess.Popen[str]:
        """Start a program of this person."""
        return subprocess.Popen(
            command,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Said:
        """Run `jotary` to its end."""
        return ended(self.start(*arguments, **environment))

    def login(self, api: "UserAPI", *arguments: str, **environment: str) -> Said:
        """Sign in with `jotary login`, in a browser that is there."""
        command = ("login", "--issuer", api.issuer, "--client-id", NATIVE, "--no-browser", *arguments)
        return self.sign_in(self.start(*command, **environment), api)

    def sign_in(self, process: subprocess.Popen[str], api: "HasCast") -> Said:
        """Do what the program asks its person to do."""
        url = told_url(process)
        (redirect_uri,) = parse_qs(urlsplit(url).query)["redirect_uri"]
        with Browser(stop_at=redirect_uri) as browser:
            callback = enter_password(browser, url, api.cast)
        assert isinstance(callback, str)
        page = httpx2.get(callback, trust_env=False)
        assert "You can close this window" in page.text
        return ended(process)


def told_url(process: subprocess.Popen[str]) -> str:
    """The address that a program tells its person."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        if found := re.match(r"https?://\S+", line):
            return found[0]
        said.append(line)
    pytest.fail(f"the program asked nobody to sign in: {''.join(said)}")


def ended(process: subprocess.Popen[str]) -> Said:
    """Wait for the end of a program."""
    out, err = process.communicate(timeout=60)
    return Said(process.returncode, out, err)


@contextmanager
def running(command: list[str], environment: dict[str, str], stdin: str = "") -> Iterator[subprocess.Popen[str]]:
    """A program that is ended by us."""
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        try:
            yield process
        finally:
            process.terminate()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    """A desktop with a real Secret Service under a bus of its own, unlocked as at the start of a session."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    if absent:
        pytest.skip(f"no Secret Service here: {' and '.join(absent)} must be installed (gnome-keyring, dbus)")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with ExitStack() as stack:
        environment = Desktop(home, "").environment
        bus = stack.enter_context(running(["dbus-daemon", "--session", "--nofork", "--print-address=1"], environment))
        assert bus.stdout is not None
        desktop = Desktop(home, bus.stdout.readline().strip())
        keychain = stack.enter_context(
            running(
                ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
                desktop.environment,
                stdin="the login password",
            )
        )
        assert keychain.stdout is not None
        keychain.stdout.readline()  # it prints its address when it is ready
        yield desktop


@pytest.fixture
def bare_desktop(tmp_path: Path) -> Desktop:
    """A machine without a keychain, such as a server that is reached by SSH."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return Desktop(home, f"unix:path={home}/no-bus")
