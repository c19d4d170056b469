"""Who comes to `jotary serve`: over which socket, behind which proxy, how many and how much at once."""

import contextlib
import re
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.journeys.serve.conftest import Serve, Server

JOTARY = str(Path(sys.executable).with_name("jotary"))


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_it_can_listen_on_a_unix_socket(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, serve: "Serve", arguments: tuple[str, ...]
) -> None:
    """For a proxy on the same machine: this user and group only; what the proxy says of its clients is believed."""
    folder = tmp_path_factory.mktemp("uds")
    path = folder / "s"
    server = serve(folder, "--uds", str(path), *arguments, JOTARY_ACCESS_LOG="true")
    while not _answers(path):
        assert server.process.poll() is None, server.err.read_text()
        time.sleep(0.02)
    assert path.stat().st_mode & 0o777 == 0o660
    second = serve(tmp_path, "--uds", str(path))
    assert second.process.wait() == 1
    assert "another server answers there" in second.err.read_text()
    assert path.exists()
    assert server.end() == 0
    assert not path.exists()
    assert "192.0.2.7" in server.addresses("/health")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
        connection.connect(str(path))
        connection.sendall(
            b"GET /health HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n"
        )
        return _read_all(connection.makefile("rb")).startswith(b"HTTP/1.1 200")
    return False


def _read_all(file: IO[bytes]) -> bytes:
    with file:
        return file.read()


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "127.0.0.1"),
        ({"JOTARY_TRUSTED_PROXIES": "127.0.0.1"}, "192.0.2.7"),
        ({"FORWARDED_ALLOW_IPS": "*"}, "127.0.0.1"),
    ],
    ids=["nobody", "a trusted proxy", "uvicorn's own variable"],
)
def test_only_a_trusted_proxy_is_believed_about_addresses(
    tmp_path: Path, serve: "Serve", environment: dict[str, str], address: str
) -> None:
    """The audit trail must not hold what anybody may write into a header."""
    server = serve(tmp_path, JOTARY_ACCESS_LOG="true", **environment)
    server.wait()
    with contextlib.closing(HTTPConnection("127.0.0.1", server.port)) as connection:
        assert server.ask(connection, "/health", **{"X-Forwarded-For": "192.0.2.7"}).status == 200
    server.end()
    assert server.addresses("/health") == [address]


def test_idle_connections_make_room_and_busy_ones_do_not(tmp_path: Path, serve: "Serve") -> None:
    """Nobody shuts others out by holding connections; what cannot be served is answered 503 instead of queueing."""
    server = serve(tmp_path, "--limit-concurrency", "2")
    server.wait()
    with contextlib.ExitStack() as closing:
        idle = [closing.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(4)]
        assert server.get("/health")[0] == 200
        assert _read_all(idle[0].makefile("rb")).startswith(b"HTTP/1.1 503 ")
        for _ in range(2):
            _follow(server, closing)
        assert server.get("/.well-known/jwks.json")[0] == 503
        assert server.get("/health")[0] == 200  # of the process, which is well
    while server.get("/.well-known/jwks.json")[0] != 200:  # it notices in its own time that the followers have gone
        time.sleep(0.02)
    assert server.end() == 0


def _follow(server: "Server", closing: contextlib.ExitStack) -> None:
    """Stay with the feed; whoever comes while another request has still to begin is told to come again."""
    while True:
        with contextlib.ExitStack() as opening:
            stream = opening.enter_context(contextlib.closing(HTTPConnection("127.0.0.1", server.port)))
            if server.ask(stream, "/revocations", Accept="text/event-stream").readline().startswith(b"id: "):
                closing.enter_context(opening.pop_all())
                return


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_header_without_end_is_refused_while_others_are_served(
    tmp_path: Path, serve: "Serve", arguments: tuple[str, ...]
) -> None:
    """RFC 6585 §5: 431, before it is whole, by every process; who still sends can read the answer."""
    server = serve(tmp_path, *arguments)
    server.wait()
    with socket.create_connection(("127.0.0.1", server.port)) as sender:
        sender.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 4_000_000)
        assert server.get("/health")[0] == 200
        assert _read_all(sender.makefile("rb")).startswith(b"HTTP/1.1 431 ")
    assert server.end() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process are told on Linux alone")
@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_it_takes_as_many_open_files_as_its_connections_need(
    tmp_path: Path, serve: "Serve", arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell gives 1024, and the limit of connections is as high."""
    real = subprocess.Popen

    def with_few_files(command: list[str], **options: Any) -> subprocess.Popen[str]:
        return real(["prlimit", "--nofile=256:4096", *command], **options)

    monkeypatch.setattr(subprocess, "Popen", with_few_files)
    server = serve(tmp_path, "--limit-concurrency", "500", *arguments).wait()
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    assert len(children) >= 2 * bool(arguments)
    for process in (parent, *children):
        assert re.search(r"Max open files +1200 +4096", Path(f"/proc/{process}/limits").read_text())
    assert server.end() == 0
