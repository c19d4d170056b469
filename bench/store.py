"""Reading and writing one session in SQLite, against the bare driver, and in PostgreSQL.

The limit is `sqlite3` alone: the same statements on one connection, with the same durability, and nobody to wait for.
"""

import asyncio
import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measurement import JOTARY, Comparison, Effort, Skipped, compare
from bench.sessions import AT_ONCE, NOW, furnished, read_ids, rotated_ids
from bench.store_postgresql import in_postgresql
from jotary.server.model.changes import RotateSession
from jotary.server.store import Store, queries
from jotary.server.store.sqlite.file import connect

LIMIT = "sqlite3, bare"


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """A look-up by primary key, and durable rotations by callers who come at once."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(folder) / "jotary.db"
        store = runner.run(furnished(f"sqlite:///{path}"))
        bare = connect(str(path), busy_timeout=5)
        yield compare("look up a session in SQLite", _readers(runner, store, bare), effort, units=AT_ONCE)
        rotations = _rotations(runner, store, bare)
        yield compare(f"rotate a session in SQLite, {AT_ONCE} at once", rotations, effort, units=AT_ONCE)
        bare.close()
        yield from in_postgresql(runner, store, effort)
        runner.run(store.close())


def _readers(runner: asyncio.Runner, store: Store, bare: sqlite3.Connection) -> dict[str, Callable[[], object]]:
    statement = store._queries[queries.SESSION]  # noqa: SLF001 -- the very statement that the store runs
    driver = store._driver  # noqa: SLF001 -- the two ways in which it could run it
    ids = read_ids()

    async def inline() -> None:
        for each in ids:
            await driver.look_up(statement, (each,))

    async def in_the_pool() -> None:
        for each in ids:
            await driver.scan(statement, (each,))

    async def as_records() -> None:
        for each in ids:
            await store.session(each)

    return {
        LIMIT: lambda: [bare.execute(statement.sql, (each,)).fetchall() for each in ids],
        "on the event loop": lambda: runner.run(inline()),
        "in the reader pool": lambda: runner.run(in_the_pool()),
        JOTARY: lambda: runner.run(as_records()),
    }


def _rotations(runner: asyncio.Runner, store: Store, bare: sqlite3.Connection) -> dict[str, Callable[[], object]]:
    _, (statement,) = store._writes[RotateSession]  # noqa: SLF001 -- the very statement that the store runs
    ours, theirs = rotated_ids(0), rotated_ids(AT_ONCE)
    our_generation, their_generation = itertools.count(), itertools.count()

    def in_one_transaction() -> None:
        generation = next(their_generation)
        bare.execute("BEGIN IMMEDIATE")
        for each in theirs:
            values = {"session_id": each, "generation": generation, "at": NOW, "idle_expires_at": NOW}
            bare.execute(statement.sql, statement.parameters(values))
        bare.execute("COMMIT")

    async def by_callers_at_once() -> None:
        generation = next(our_generation)
        await asyncio.gather(*(store.commit(RotateSession(each, generation, NOW, NOW)) for each in ours))

    return {LIMIT: in_one_transaction, JOTARY: lambda: runner.run(by_callers_at_once())}
