"""INSERT … ON CONFLICT: SQLite and PostgreSQL have the same words for it, SQLAlchemy one construct for each."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Insert = sqlite.Insert | postgresql.Insert

_INSERTS: Final[dict[str, Callable[[sa.Table], Insert]]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Upsert(sa.ClauseElement):
    """A statement that is built with the insert of whichever database it is compiled for.

    Args:
        table: that it writes to.
        build: from that insert to the whole statement.
    """

    def __init__(self, table: sa.Table, build: Callable[[Insert], Insert]) -> None:
        self._table = table
        self._build = build

    def compile(self, bind: Any = None, dialect: sa.Dialect | None = None, **options: Any) -> sa.Compiled:
        """As of every statement; the dialect must be known."""
        if dialect is None:
            raise TypeError("an upsert is compiled for a dialect")
        return self._build(_INSERTS[dialect.name](self._table)).compile(bind, dialect, **options)
