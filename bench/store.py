"""Reading and writing one session in SQLite, against the bare driver.

The limit is `sqlite3` alone: the same statements on one connection, with the same durability, and nobody to wait for.
"""

import asyncio
import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measurement import JOTARY, Comparison, Effort, compare
from jotary.server.model.changes import AddClient, AddSession, AddUser, RotateSession
from jotary.server.model.client import Client
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.store import Store, open_store, queries
from jotary.server.store.sqlite.file import connect

LIMIT = "sqlite3, bare"
AT_ONCE = 64
SESSIONS = 10_000
NOW = 1_750_000_000


def measure(effort: Effort) -> Iterator[Comparison]:
    """A look-up by primary key, and durable rotations by callers who come at once."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(folder) / "jotary.db"
        store = runner.run(_furnished(f"sqlite:///{path}"))
        bare = connect(str(path), busy_timeout=5)
        yield compare("look up a session in SQLite", _readers(runner, store, bare), effort, units=AT_ONCE)
        rotations = _rotations(runner, store, bare)
        yield compare(f"rotate a session in SQLite, {AT_ONCE} at once", rotations, effort, units=AT_ONCE)
        bare.close()
        runner.run(store.close())


def _session(number: int) -> Session:
    return Session(
        id=f"session-{number:019}",  # as long as a real one
        user_id="user",
        client_id="client",
        sign_in_id=None,
        scopes=("openid", "todo:read"),
        resources=("https://todo.example.com",),
        authenticated_at=NOW,
        methods=("pwd",),
        created_at=NOW,
        rotated_at=NOW,
        idle_expires_at=NOW,
        expires_at=NOW,
    )


async def _furnished(url: str) -> Store:
    store = await open_store(url)
    user = User(id="user", email="ada@example.com", created_at=NOW)
    client = Client(id="client", name="", type="web", token_endpoint_auth_method="none", created_at=NOW)
    await store.commit(AddUser(user), AddClient(client), *(AddSession(_session(number)) for number in range(SESSIONS)))
    return store


def _readers(runner: asyncio.Runner, store: Store, bare: sqlite3.Connection) -> dict[str, Callable[[], object]]:
    statement = store._queries[queries.SESSION]  # noqa: SLF001 -- the very statement that the store runs
    driver = store._driver  # noqa: SLF001 -- the two ways in which it could run it
    ids = [_session(number).id for number in range(0, SESSIONS, SESSIONS // AT_ONCE)][:AT_ONCE]

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
    ours, theirs = ([_session(number).id for number in range(start, start + AT_ONCE)] for start in (0, AT_ONCE))
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
