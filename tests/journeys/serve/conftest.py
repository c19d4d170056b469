"""`jotary serve` as an operator runs it, and what it says."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

JOTARY = str(Path(sys.executable).with_name("jotary"))


class Server:
    """A running `jotary serve` and what it says."""

    bytecode: Path  # kept between the processes of a run: compiling takes longer than starting

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [JOTARY, "serve", *arguments],
                cwd=folder,
                env=_environment(JOTARY_ISSUER=self.url, JOTARY_LOG_FORMAT="json", **environment),
                stdout=out,
                stderr=err,
            )

    @staticmethod
    def ask(connection: HTTPConnection, path: str, **headers: str) -> HTTPResponse:
        """Its answer, on a connection that stays open."""
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an answer."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port)) as connection:
            response = self.ask(connection, path)
            return response.status, response.read()

    def wait(self) -> "Server":
        """Wait until it answers."""
        while self.process.poll() is None:
            with contextlib.suppress(ConnectionError):
                if self.get("/ready")[0] == 200:
                    return self
            time.sleep(0.02)
        raise AssertionError(f"it ended with {self.process.returncode}: {self.err.read_text()}")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait()

    def life(self) -> list[object]:
        """What it logged of its own beginning and end; the trail is sealed in between, whenever there is something."""
        return [event["event"] for event in self.events() if event["event"] != "audit_sealed"]

    def addresses(self, path: str) -> list[object]:
        """Where the requests for a path came from, as it logged them."""
        return [event["address"] for event in self.events() if event["event"] == "request" and event["path"] == path]

    def events(self) -> list[dict[str, object]]:
        """What it logged."""
        return [json.loads(line) for line in self.err.read_text().splitlines() if line.startswith("{")]


Serve = Callable[..., Server]


def _environment(**changed: str) -> dict[str, str]:
    """The environment of a process, without what this one was told about jotary."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JOTARY_", "PYTHON"))}
    return {**kept, "PYTHONPYCACHEPREFIX": str(Server.bytecode), **changed}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session", autouse=True)
def _bytecode(tmp_path_factory: pytest.TempPathFactory) -> None:
    Server.bytecode = tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def environment() -> dict[str, str]:
    """That of a process that was told nothing about jotary."""
    return _environment()


@pytest.fixture
def free_port() -> int:
    """Where nobody listens."""
    return _free_port()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server in a folder, with these arguments and this environment; it is killed behind the test."""
    with contextlib.ExitStack() as stack:

        def start(folder: Path, *arguments: str, **environment: str) -> Server:
            server = Server(folder, *arguments, **environment)
            stack.callback(_kill, server)
            return server

        yield start


def _kill(server: Server) -> None:
    if server.process.poll() is None:
        server.process.kill()
        server.process.wait()
