"""Every change and every read as SQL: complete, portable, and never a walk through a table."""

import contextlib
import sqlite3
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from jotary.server.model.changes import Change, EndSession, RedeemCode, RotateSession
from jotary.server.store import queries
from jotary.server.store.compiled import Statement
from jotary.server.store.migrations import upgrade
from jotary.server.store.purge import PURGES
from jotary.server.store.statements import WRITES

SQLITE = sqlite.dialect(paramstyle="qmark")
POSTGRESQL: sa.Dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy

EVERYTHING: dict[str, sa.ClauseElement] = {
    **{f"{kind.__name__}-{n}": part.sql for kind, write in WRITES.items() for n, part in enumerate(write.parts)},
    **{f"purge {purge.table.name}": purge.sql() for purge in PURGES},
    **{name: query.sql for name, query in vars(queries).items() if isinstance(query, queries.Query)},
}
# Read whole on purpose: an operator registers clients, and keys are a handful.
SMALL = {"CLIENTS", "SIGNING_KEYS", "purge signing_keys"}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """An empty database with the schema."""
    path = tmp_path_factory.mktemp("plans") / "jotary.db"
    upgrade(f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(Path(path))) as connection:
        yield connection


def test_every_change_is_written() -> None:
    """To add a change is one entry; to forget it is an error here."""
    assert set(WRITES) == set(typing.get_args(Change))


def test_every_query_is_compiled() -> None:
    """A store compiles the queries in `ALL`."""
    assert set(queries.ALL) == {query for query in vars(queries).values() if isinstance(query, queries.Query)}


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_statement_is_known_to_both_databases(name: str) -> None:
    """Only what SQLite and PostgreSQL both know."""
    for dialect in (SQLITE, POSTGRESQL):
        assert Statement(EVERYTHING[name], dialect).sql


@pytest.mark.parametrize("name", EVERYTHING)
def test_no_statement_walks_through_a_table(connection: sqlite3.Connection, name: str) -> None:
    """Design §6.7: nothing grows with the number of users or tokens beyond an index look-up."""
    sql = Statement(EVERYTHING[name], SQLITE).sql
    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")).fetchall()
    walks = [step for *_, step in plan if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"]
    assert bool(walks) == (name in SMALL), plan


def test_every_owner_is_indexed_by_what_it_owns(connection: sqlite3.Connection) -> None:
    """Deleting a person or a client follows foreign keys; without an index each is a walk through a table."""
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        first_columns = {
            connection.execute(f"PRAGMA index_info({index[1]})").fetchone()[2]
            for index in connection.execute(f"PRAGMA index_list({table})").fetchall()
        }
        owners = {key[3] for key in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()}
        assert owners <= first_columns


def test_a_rotation_is_one_statement() -> None:
    """Design §6.1: a session is one row, a refresh is one UPDATE."""
    (part,) = WRITES[RotateSession].parts
    assert part.guarded
    assert " ".join(Statement(part.sql, SQLITE).sql.split()) == (
        "UPDATE sessions SET generation=(sessions.generation + 1), rotated_at=?, idle_expires_at=?"
        " WHERE sessions.id = ? AND sessions.ended_at IS NULL AND sessions.generation = ?"
    )


def test_where_there_are_many_writers_rows_are_locked() -> None:
    """In PostgreSQL a second transaction could end a session or a sign-in between the check and its use."""
    cut_off, _ = WRITES[EndSession].parts
    assert Statement(cut_off.sql, POSTGRESQL).sql.endswith("FOR UPDATE")
    (redeem,) = WRITES[RedeemCode].parts
    assert "FOR SHARE" in Statement(redeem.sql, POSTGRESQL).sql
