"""Three servers on loopback, each a process of its own, that stop when the demonstration does."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

#: Seconds in which a server must answer its first request, and in which it must stop.
START_TIMEOUT: Final = 20
STOP_TIMEOUT: Final = 10

_MARK: Final = "X-Demonstration"  # a header of every answer, by which a stage knows its own servers


class StageError(Exception):
    """A server did not start; the text holds the end of its log."""


class Door(msgspec.Struct, frozen=True, eq=False):
    """A place to listen at, held from the moment it was found, so that nobody else can take it before the server."""

    listener: socket.socket

    @property
    def port(self) -> int:
        """On 127.0.0.1."""
        port: int = self.listener.getsockname()[1]
        return port


def examples_folder() -> Path:
    """Where the package `todo` stands: beside the sources in a clone, inside the package in a wheel.

    Raises:
        StageError: this installation has no examples.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "_examples", package.parents[1] / "examples"):
        if (folder / "todo").is_dir():
            return folder
    raise StageError("the ToDo example is missing. Install the demonstration: pip install 'jotary[demo]'")


class Stage:
    """Starts servers one by one and stops them in reverse order. Use it as a context manager.

    Args:
        folder: where logs are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = secrets.token_hex(8)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._doors: list[Door] = []

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop every server that was started here, the last one first."""
        for _, process in reversed(self._running):
            process.terminate()
        for _, process in reversed(self._running):
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for door in self._doors:
            door.listener.close()

    def open_door(self, preferred: int = 0) -> Door:
        """A port to serve at: the preferred one, or another where that is taken."""
        listener = socket.socket()
        for port in (preferred, 0):
            with suppress(OSError):
                listener.bind(("127.0.0.1", port))
                break
        door = Door(listener)
        self._doors.append(door)
        return door

    def start(self, name: str, application: str, *, door: Door, environment: Mapping[str, str]) -> None:
        """Start an ASGI application factory in a process of its own, and wait until it listens.

        Raises:
            StageError: it ended, or does not listen in time.
        """
        log = self._folder / f"{name}.log"
        command = [sys.executable, "-m", "uvicorn", "--factory", application, "--no-access-log", "--no-server-header"]
        command += ["--fd", str(door.listener.fileno())]
        command += ["--header", f"{_MARK}:{self._mark}"]
        command += ["--timeout-graceful-shutdown", "1"]  # a follower of the revocation feed never hangs up by itself
        command += ["--app-dir", str(examples_folder())]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 -- our own interpreter and our own modules
                command,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[door.listener.fileno()],
            )
        self._running.append((name, process))
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers(door.port):
            if process.poll() is not None:
                raise StageError(f"{name} ended at once:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise StageError(f"{name} does not answer on port {door.port}:\n{_tail(log)}")
            time.sleep(0.05)

    def _answers(self, port: int) -> bool:
        """Whether a server of this stage answers, whatever it says; another one may have taken the port before it."""
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("HEAD", "/")
            return connection.getresponse().headers.get(_MARK) == self._mark
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def watch(self) -> None:
        """Wait until a server ends by itself.

        Raises:
            StageError: one did.
        """
        while True:
            for name, process in self._running:
                if process.poll() is not None:
                    raise StageError(f"{name} ended:\n{_tail(self._folder / f'{name}.log')}")
            time.sleep(0.5)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
