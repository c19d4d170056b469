"""A server in a process of its own, on a core of its own: started, measured from outside, ended (Linux)."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PATIENCE = 60  # seconds that a start may take
DISCOVERY = "/.well-known/openid-configuration"


def cores() -> tuple[int, int]:
    """The core of the servers, and that of the load generator; the same one where there is one only."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextlib.contextmanager
def on_core(*cores: int) -> Iterator[None]:
    """Run there, and whatever is started meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Command:
    """How a server is started.

    Attributes:
        arguments: of the program, which comes first.
        folder: that it runs in.
        environment: added to that of this process.
    """

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


class Server:
    """A running server.

    Attributes:
        seconds: from its start to its first answer.
        cpu: seconds of CPU time for that.
    """

    def __init__(self, command: Command, port: int) -> None:
        complaints = command.folder / "stderr"
        with complaints.open("wb") as stderr:
            self._process = process = subprocess.Popen(
                command.arguments,
                cwd=command.folder,
                env={**os.environ, **command.environment},
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        started = time.perf_counter()
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - started > _PATIENCE:
                self.stop()
                raise RuntimeError(f"{command.arguments[0]} did not start: {complaints.read_text(encoding='utf-8')}")
            time.sleep(0.002)
        self.seconds = time.perf_counter() - started
        self.cpu = self.cpu_seconds()

    @property
    def output(self) -> IO[bytes]:
        """What it says."""
        assert self._process.stdout is not None
        return self._process.stdout

    def cpu_seconds(self) -> float:
        """CPU time of all its threads and processes so far, in user and in kernel mode."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_mebibytes(self) -> float:
        """Memory that it holds now; that of the largest of its processes."""
        return max(_resident_mebibytes(pid) for pid in self._pids())

    def _pids(self) -> list[int]:
        """Itself, and the workers that it has started."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
        return [pid, *map(int, children.split())]

    def stop(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.output.close()


@contextlib.contextmanager
def serving(command: Command, port: int) -> Iterator[Server]:
    """A server, from its first answer to its end."""
    server = Server(command, port)
    try:
        yield server
    finally:
        server.stop()


def _resident_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", DISCOVERY)
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()
