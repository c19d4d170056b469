"""`jotary serve` under a service manager: it says when it is ready, and answers on the socket that it is passed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

JOTARY = str(Path(sys.executable).with_name("jotary"))
WORKERS = pytest.mark.parametrize("workers", ["1", "2"], ids=["one process", "two workers"])
PATIENCE = 30  # seconds
#: Becomes the service, as a service manager does between fork and exec.
LAUNCHER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="jotary.socket")
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Where a service manager hears what its services say (sd_notify(3))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(PATIENCE)
        yield heard


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The socket of a service: it is there before the service is, and stays when that goes."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as passed:
        yield passed


@contextlib.contextmanager
def activated(folder: Path, listener: socket.socket, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A `jotary serve` that gets the socket as its third file descriptor, as sd_listen_fds(3) says."""
    number = listener.fileno()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JOTARY_")}
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(number), JOTARY, "serve", *arguments],
        cwd=folder,
        env={
            **kept,
            "JOTARY_ISSUER": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "NOTIFY_SOCKET": str(folder / "notify"),
        },
        pass_fds=[number],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def ask(listener: socket.socket) -> int:
    """The status of an answer at the socket; it waits in the queue until there is somebody to answer."""
    host, port = listener.getsockname()
    with contextlib.closing(HTTPConnection(host, port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/ready")
        return connection.getresponse().status


@WORKERS
def test_it_answers_on_the_socket_that_it_is_passed(
    tmp_path: Path, listener: socket.socket, manager: socket.socket, workers: str
) -> None:
    """A restart refuses nobody: who asks before the server is there waits in the queue, and is answered."""
    for _ in range(2):
        with activated(tmp_path, listener, "--workers", workers) as process:
            assert ask(listener) == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0


@WORKERS
def test_it_says_when_it_is_ready_and_when_it_stops(
    tmp_path: Path, listener: socket.socket, manager: socket.socket, workers: str
) -> None:
    """`Type=notify`: what waits for this service is started when it answers. Each worker may say so."""
    with activated(tmp_path, listener, "--workers", workers) as process:
        assert manager.recv(100) == b"READY=1"
        assert ask(listener) == 200
        process.send_signal(signal.SIGTERM)
        said = manager.recv(100)
        while said == b"READY=1":
            said = manager.recv(100)
        assert said == b"STOPPING=1"
        assert process.wait(PATIENCE) == 0


def test_a_service_manager_that_is_gone_keeps_nobody_from_serving(tmp_path: Path, listener: socket.socket) -> None:
    """Nobody listens at the path."""
    with activated(tmp_path, listener):
        assert ask(listener) == 200


@pytest.mark.parametrize("arguments", [("--port", "0"), ("--host", "127.0.0.1"), ("--uds", "socket")])
def test_a_passed_socket_and_an_address_contradict_each_other(
    tmp_path: Path, listener: socket.socket, arguments: tuple[str, ...]
) -> None:
    """It would listen in one place, and the operator look in the other."""
    with activated(tmp_path, listener, *arguments) as process:
        assert process.wait(PATIENCE) == 2
        assert process.stderr is not None
        assert "leave out --host, --port and --uds" in process.stderr.read()
