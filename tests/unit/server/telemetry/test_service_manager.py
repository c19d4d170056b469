"""What a service manager is told (sd_notify(3)): where it listens, and nothing else where it does not."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jotary.server.telemetry.service_manager import NOTIFY_SOCKET, READY, STOPPING, tell_service_manager


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """A service manager's socket, not bound yet."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.setblocking(False)
        yield heard


def test_it_is_told_at_a_path(manager: socket.socket, tmp_path: Path) -> None:
    """A datagram for each state, word for word."""
    manager.bind(str(tmp_path / "notify"))
    for state in (READY, STOPPING):
        tell_service_manager(state, {NOTIFY_SOCKET: str(tmp_path / "notify")})
        assert manager.recv(100) == state.encode()


def test_it_is_told_at_an_abstract_name(manager: socket.socket) -> None:
    """unix(7): what begins with `@` begins with a zero byte."""
    name = f"jotary-test-{os.getpid()}"
    manager.bind(f"\0{name}")
    tell_service_manager(READY, {NOTIFY_SOCKET: f"@{name}"})
    assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234"])
def test_what_is_no_name_of_a_socket_is_not_written_to(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """A relative path would be looked for wherever the server was started."""
    monkeypatch.chdir(tmp_path)
    manager.bind(str(tmp_path / "relative"))
    tell_service_manager(READY, {NOTIFY_SOCKET: address} if address else {})
    with pytest.raises(BlockingIOError):
        manager.recv(100)


def test_one_that_is_gone_keeps_nobody_from_serving(tmp_path: Path) -> None:
    """Nobody is there to be told."""
    tell_service_manager(READY, {NOTIFY_SOCKET: str(tmp_path / "nobody")})
