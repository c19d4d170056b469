"""INSERT … ON CONFLICT: SQLite and PostgreSQL have the same words for it, SQLAlchemy one construct for each."""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"


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
        # By name: a server on SQLite loads nothing of PostgreSQL.
        insert: Callable[[sa.Table], Insert] = importlib.import_module(f"sqlalchemy.dialects.{dialect.name}").insert
        return self._build(insert(self._table)).compile(bind, dialect, **options)
