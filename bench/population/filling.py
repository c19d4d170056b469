"""Filling a database whose schema is there, as fast as it takes rows; and what a row weighs then."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Mapping

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bench.population.people import Population, Table
from jotary.server.store.sqlite.file import path_of, prepare

#: Bytes of each row of a table with its part of all indexes, by the table's name.
Weights = Mapping[str, float]

_CACHE = 1 << 21  # KiB


def fill_sqlite(url: str, population: Population) -> Weights:
    """Without a journal, and the indexes after the rows; what is in the file is on disk at the end."""
    path = path_of(url)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", f"cache_size = -{_CACHE}"):
            connection.execute(f"PRAGMA {pragma}")
        weights = {table.table.name: _fill_sqlite_table(connection, table) for table in population.tables()}
    prepare(path)
    with open(path, "rb") as file:  # noqa: PTH123 -- for its descriptor
        os.fsync(file.fileno())
    return weights


def _fill_sqlite_table(connection: sqlite3.Connection, table: Table) -> float:
    before, dialect = _bytes(connection), sqlite.dialect()
    for index in table.table.indexes:
        connection.execute(str(sa.schema.DropIndex(index).compile(dialect=dialect)))
    names, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO {table.table.name} ({names}) VALUES ({marks})", table.rows())  # noqa: S608 -- the schema's own names
    connection.execute("COMMIT")
    for index in table.table.indexes:
        connection.execute(str(sa.schema.CreateIndex(index).compile(dialect=dialect)))
    return (_bytes(connection) - before) / table.count


def _bytes(connection: sqlite3.Connection) -> int:
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def fill_postgresql(url: str, population: Population) -> Weights:
    """By COPY, and the indexes after the rows; the planner knows the tables at the end. Needs a superuser."""
    return asyncio.run(_fill_postgresql(url, population))


async def _fill_postgresql(url: str, population: Population) -> Weights:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")  # no look at each row's owner
        weights = {}
        for table in population.tables():
            weights[table.table.name] = await _fill_postgresql_table(connection, table)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return weights


async def _fill_postgresql_table(connection: "asyncpg.Connection[asyncpg.Record]", table: Table) -> float:
    dialect, name = postgresql.dialect(), table.table.name  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
    for index in table.table.indexes:
        await connection.execute(str(sa.schema.DropIndex(index).compile(dialect=dialect)))
    await connection.copy_records_to_table(name, columns=table.columns, records=table.rows(), timeout=None)
    for index in table.table.indexes:
        await connection.execute(str(sa.schema.CreateIndex(index).compile(dialect=dialect)))
    size = await connection.fetchval(f"SELECT pg_total_relation_size('{name}')")
    return float(size) / table.count
