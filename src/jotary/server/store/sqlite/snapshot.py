"""Reading a SQLite file as it is at one moment, while others write to it."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from jotary.server.ports import Unavailable
from jotary.server.store.sqlite.file import FAILURES, connect, path_of

_LOCK_SECONDS: Final = 30.0


def read_snapshot(url: str, run: Callable[[sa.Connection], None]) -> None:
    """Run `run` in one transaction that sees the moment of its first read and cannot write.

    Writers go on meanwhile. What they write stays in the log until this ends.

    Raises:
        Unavailable: the file is not there, or cannot be read as a database.
    """
    path = path_of(url)
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: connect(path, busy_timeout=_LOCK_SECONDS, read_only=True),
        poolclass=sa.NullPool,
        hide_parameters=True,
    )

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    if not Path(path).is_file():
        raise Unavailable(f"there is no database {path}")
    try:
        with engine.begin() as connection:
            run(connection)
    except (*FAILURES, sa.exc.DBAPIError) as error:
        raise Unavailable(f"cannot read the database {path}: {getattr(error, 'orig', error)}") from error
