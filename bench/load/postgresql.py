"""A PostgreSQL of our own as one that a company would run: what it has acknowledged survives a power failure."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.peers.npm import Unavailable
from faults.postgresql import PostgreSQLMissingError, PostgreSQLServer, check_postgresql, postgresql_server


class DurablePostgreSQL:
    """A server with its defaults but for what keeps it from listening to others.

    Args:
        server: that is durable.
    """

    def __init__(self, server: PostgreSQLServer) -> None:
        self._server = server

    def new_database(self) -> str:
        """Make one with nothing in it. Returns its URL."""
        return self._server.url(self._server.create_database())

    @contextlib.contextmanager
    def hasty(self) -> Iterator[None]:
        """Not durable meanwhile; everything is on disk at the end."""
        self._set(fsync="off", autovacuum="off")
        yield
        self._set(fsync="on", autovacuum="on")
        self._server.run("CHECKPOINT")

    def files(self) -> list[Path]:
        """Every table and index, of all its databases."""
        return [path for path in (self._server.data / "base").rglob("*") if path.is_file() and path.stat().st_size]

    def cpu_seconds(self) -> float:
        """CPU time of its processes that live, those of every connection too."""
        return sum(map(_nanoseconds, self._server.processes())) / 1e9

    def _set(self, **settings: str) -> None:
        statements = [f"ALTER SYSTEM SET {name} = {value}" for name, value in settings.items()]
        self._server.run(*statements, "SELECT pg_reload_conf()")


def _nanoseconds(process: int) -> int:
    """Finer than the ticks of `/proc/PID/stat`, and whole for a process of one thread."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="utf-8").split()[0])
    return 0


@contextlib.contextmanager
def durable_postgresql() -> Iterator[DurablePostgreSQL]:
    """A server in a temporary folder, which goes with it.

    Raises:
        Unavailable: it is not to be had here.
    """
    try:
        check_postgresql()
    except PostgreSQLMissingError as missing:
        raise Unavailable(str(missing)) from missing
    with postgresql_server(durable=True) as server:
        yield DurablePostgreSQL(server)
