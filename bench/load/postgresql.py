"""The PostgreSQL of the tests as one that a company would run: what it has acknowledged survives a power failure."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugins.postgresql_server import PostgreSQLServer


class DurablePostgreSQL:
    """A server of our own, with its defaults but for what keeps it from listening to others.

    Args:
        server: of the tests, which have turned its durability off.
    """

    def __init__(self, server: "PostgreSQLServer") -> None:
        self._server = server
        self._folder = Path(server.run("SHOW data_directory"))
        self._set(fsync="on", autovacuum="on")

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

    def cpu_seconds(self) -> float:
        """CPU time of its processes that live, those of every connection too."""
        first = (self._folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
        processes = [first, *Path(f"/proc/{first}/task/{first}/children").read_text(encoding="utf-8").split()]
        return sum(_nanoseconds(process) for process in processes) / 1e9

    def _set(self, **settings: str) -> None:
        statements = [f"ALTER SYSTEM SET {name} = {value}" for name, value in settings.items()]
        self._server.run(*statements, "SELECT pg_reload_conf()")


def _nanoseconds(process: str) -> int:
    """Finer than the ticks of `/proc/PID/stat`, and whole for a process of one thread."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        return int(Path(f"/proc/{process}/schedstat").read_text(encoding="utf-8").split()[0])
    return 0


@contextlib.contextmanager
def durable_postgresql() -> Iterator[DurablePostgreSQL]:
    """A server in a temporary folder, which goes with it."""
    from tests.plugins.postgresql_server import PostgreSQLServer  # noqa: PLC0415 -- needs what not everybody has

    server = PostgreSQLServer()
    try:
        yield DurablePostgreSQL(server)
    finally:
        server.remove()
