"""Several processes, one place where their figures are read.

Each worker answers on a UNIX socket in a folder that only this user may enter; their parent asks them all whenever it
is asked, and puts the worker's number on each sample. It does not add them up: when a worker is replaced, its counters
begin anew, and a sum would seem to fall. Prometheus adds up rates, which is right.
"""

import http.client
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from jotary.server.telemetry.metrics.catalogue import WORKER_UP
from jotary.server.telemetry.metrics.exposition import OPENMETRICS, PATH, listen_on

#: Workers that there may be at once, and those that take over from them.
MAX_WORKERS: Final = 512

_PATIENCE: Final = 2  # seconds for a worker's answer


@contextmanager
def worker_socket(folder: Path) -> Iterator[socket.socket]:
    """The listening socket of this worker, under the lowest number that no living one has.

    Raises:
        OSError: the folder cannot be used.
    """
    descriptor, number = _take_number(folder)
    path = folder / f"{number}.sock"
    try:
        path.unlink(missing_ok=True)  # of a worker that was killed
        yield listen_on(path)
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _take_number(folder: Path) -> tuple[int, int]:
    """A locked file: the lock goes with the process, however it ends."""
    import fcntl  # noqa: PLC0415 -- not on Windows, where nothing else here works either

    for number in range(MAX_WORKERS):
        descriptor = os.open(folder / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return descriptor, number
    raise OSError("too many workers")


class Workers:
    """The figures of all workers that have a socket in a folder, each sample with its worker's number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Family]:
        """Ask them all now."""
        families: dict[str, Family] = {}
        is_up = GaugeMetricFamily(WORKER_UP.name, WORKER_UP.help, labels=WORKER_UP.labels)
        for path in sorted(self._folder.glob("*.sock"), key=lambda path: int(path.stem)):
            with suppress(ConnectionRefusedError, FileNotFoundError):  # it has ended
                answered = _ask(path)
                is_up.add_metric((path.stem,), float(answered is not None))
                _add(families, answered or (), worker=path.stem)
        return [*families.values(), is_up]


def _add(families: dict[str, Family], answered: Iterable[Family], *, worker: str) -> None:
    for family in answered:
        known = families.setdefault(family.name, Family(family.name, family.documentation, family.type))
        known.samples += [sample._replace(labels={**sample.labels, "worker": worker}) for sample in family.samples]


def _ask(path: Path) -> list[Family] | None:
    """A worker's figures; None if it does not answer in time, or ends while it does.

    Raises:
        ConnectionRefusedError, FileNotFoundError: it has ended.
    """
    connection = _Connection(path)
    try:
        connection.request("GET", PATH, headers={"Accept": OPENMETRICS})
        text = connection.getresponse().read().decode()
    except (ConnectionRefusedError, FileNotFoundError):
        raise
    except (OSError, http.client.HTTPException):  # one that hangs for long has a full queue: EAGAIN, not a timeout
        return None
    finally:
        connection.close()
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]  # untyped there


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("worker", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(str(self._path))
