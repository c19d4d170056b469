"""The schema's history. `upgrade` brings a database to the newest revision; several processes may call it at once.

A new revision is a file in `versions/` and a new `HEAD`; a test fails until it builds what `schema.py` says.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jotary.server.store.sqlite_file import path_of, prepare

HEAD: Final = "0001"

_LOCK_SECONDS: Final = 30


class UnknownSchemaError(RuntimeError):
    """The database stands at a revision that this version of jotary does not know: a newer one wrote it."""


def current(url: str) -> str | None:
    """The revision at which the database stands; None when it is empty or not there."""
    path = Path(path_of(url))
    if not path.is_file():
        return None
    with contextlib.closing(sqlite3.connect(path, timeout=_LOCK_SECONDS)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def check(url: str) -> bool:
    """Whether the database stands at the revision that this version of jotary works with."""
    return current(url) == HEAD


def upgrade(url: str) -> None:
    """Make the database when it is not there, and bring it to `HEAD` in one transaction.

    Raises:
        UnknownSchemaError: a newer version of jotary wrote this database.
        sqlite3.OperationalError: another process holds the database for too long.
        OSError: the file cannot be made.
    """
    prepare(path_of(url))
    if not check(url):
        with _locked(url) as connection:
            _upgrade(connection)


@contextlib.contextmanager
def _locked(url: str) -> Iterator[sa.Connection]:
    """A connection in one transaction that nobody else can write beside, DDL included."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": _LOCK_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _begin_by_hand(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver would commit before DDL

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.begin() as connection:
        yield connection


def _upgrade(connection: sa.Connection) -> None:
    """Run every revision that is missing. Alembic is loaded only now: most starts have nothing to upgrade."""
    from alembic import command  # noqa: PLC0415 -- costs a tenth of a second at every start
    from alembic.config import Config  # noqa: PLC0415 -- the same
    from alembic.util import CommandError  # noqa: PLC0415 -- the same

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise UnknownSchemaError(
            "a newer version of jotary wrote this database: start that version, or restore a backup"
        ) from error
