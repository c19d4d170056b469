"""Servers on loopback, each a process, that are started within a tenth of a second and killed at will."""

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

import jotary
from faults.forkserver import Order

_BACKLOG = 1024
_PATIENCE = 30  # seconds


class Door:
    """A loopback port that stays open while no server serves at it: callers wait in its queue meanwhile."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.port: int = self.socket.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"


class Server:
    """A running `jotary serve`."""

    def __init__(self, number: int, handle: int) -> None:
        self.number = number
        self._handle = handle
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    def kill(self) -> None:
        """SIGKILL: it does nothing any more, from one instruction to the next. Returns when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM: it may finish what it has begun. Returns when it is gone."""
        self._end(signal.SIGTERM)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        signal.pidfd_send_signal(self._handle, number)

    def is_gone(self, seconds: float = 0) -> bool:
        """Whether it ends within so many seconds."""
        return bool(self._poll.poll(seconds * 1000))

    def _end(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it ended by itself
            self.tell(number)
        if not self.is_gone(_PATIENCE):
            raise RuntimeError(f"the server does not end on {number.name}")

    def close(self) -> None:
        """Let go of it; it is not told."""
        os.close(self._handle)


class Spawner:
    """Starts servers; all end with it. Use it as a context manager.

    Args:
        folder: where logs are written, and where the servers work.
        prefix: a command that runs another one, such as strace.
    """

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self._folder = folder
        self._log = folder / "servers.log"
        self._log.touch()
        self._orders, theirs = _pair()
        self._server: Server | subprocess.Popen[bytes]
        with theirs:
            if prefix:
                self._server = _run(prefix, theirs, folder, self._log)
            else:
                self._server = _ask(_first(), str(folder).encode(), theirs)
        self._doors: list[Door] = []
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        """Nothing is served yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End everything that was started here; an error is told what the servers wrote."""
        if error is not None:
            error.add_note(self.log())
        self._orders.close()  # the fork server ends its group then
        if isinstance(self._server, Server):
            self._server.is_gone(_PATIENCE)
            self._server.close()
        else:
            self._server.wait(_PATIENCE)
        for server in self._servers:
            server.close()
        for door in self._doors:
            door.socket.close()

    def open_door(self) -> Door:
        """A port to serve at."""
        door = Door()
        self._doors.append(door)
        return door

    def start(self, door: Door, environment: Mapping[str, str], **how: Any) -> Server:
        """Start `jotary serve` at a door. Whoever asks there is answered as soon as it is up.

        Args:
            door: where it serves.
            environment: its settings.
            how: the other fields of `forkserver.Order`.
        """
        order = Order(environment=dict(environment), log=str(self._log), **how)
        server = _ask(self._orders, msgspec.json.encode(order), door.socket)
        for ended in [server for server in self._servers if server.is_gone()]:
            ended.close()
            self._servers.remove(ended)
        self._servers.append(server)
        return server

    def log(self) -> str:
        """The end of what the servers wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])


def _pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_PATIENCE)
    return ours, theirs


@cache
def _first() -> socket.socket:
    """The fork server that all others are forks of: what it has imported need not be imported again."""
    orders, theirs = _pair()
    with theirs:
        process = _run((), theirs, Path("/"), Path(os.devnull))

    def end() -> None:
        orders.close()
        process.wait(_PATIENCE)

    atexit.register(end)
    return orders


def _run(prefix: Sequence[str], orders: socket.socket, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    paths = [str(Path(file).parents[1]) for file in (__file__, jotary.__file__)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "faults.forkserver", str(orders.fileno())],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            pass_fds=[orders.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _ask(orders: socket.socket, text: bytes, passed: socket.socket) -> Server:
    """Give an order to a fork server, with a socket for what becomes of it."""
    socket.send_fds(orders, [text], [passed.fileno()])
    number, handles, _, _ = socket.recv_fds(orders, 64, 1)
    if not handles:
        raise RuntimeError("the fork server has ended")
    return Server(int(number), handles[0])
