"""Reading and writing one session in PostgreSQL, against the bare driver, and beside SQLite.

The limit is asyncpg alone: the same statements on one connection, with the same durability, and nobody to wait for.
PostgreSQL is durable, and on the same machine. The CPU time of its processes is counted apart.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.load.postgresql import DurablePostgreSQL, durable_postgresql
from bench.measurement import JOTARY, Comparison, Effort, Skipped
from bench.peers.npm import Unavailable
from bench.sessions import AT_ONCE, NOW, furnished, read_ids, rotated_ids
from jotary.server.model.changes import RotateSession
from jotary.server.store import Store, queries

if TYPE_CHECKING:
    import asyncpg

LIMIT = "asyncpg, bare"
SQLITE = "SQLite"

Parties = Mapping[str, Callable[[], Awaitable[object]]]
Samples = dict[str, list[float]]


def in_postgresql(runner: asyncio.Runner, sqlite: Store, effort: Effort) -> Iterator[Comparison | Skipped]:
    """A look-up by primary key, and durable rotations by callers who come at once; `sqlite` has the same sessions."""
    try:
        with durable_postgresql() as server:
            yield from _measured(server, runner, sqlite, effort)
    except Unavailable as reason:
        yield Skipped("look up and rotate a session in PostgreSQL", str(reason))


def _measured(server: DurablePostgreSQL, runner: asyncio.Runner, sqlite: Store, effort: Effort) -> Iterator[Comparison]:
    import asyncpg  # noqa: PLC0415 -- not everybody has it

    url = server.new_database()
    with server.hasty():
        store = runner.run(furnished(url))
    bare: asyncpg.Connection[Any] = runner.run(asyncpg.connect(url))
    readers = {LIMIT: _bare_reader(store, bare), SQLITE: _reader(sqlite), JOTARY: _reader(store)}
    yield from _compared("look up a session in PostgreSQL", _take_turns(runner, readers, server, effort))
    rotations = {LIMIT: _bare_rotation(store, bare), SQLITE: _rotation(sqlite), JOTARY: _rotation(store)}
    yield from _compared(
        f"rotate a session in PostgreSQL, {AT_ONCE} at once", _take_turns(runner, rotations, server, effort)
    )
    runner.run(bare.close())
    runner.run(store.close())


def _reader(store: Store) -> Callable[[], Awaitable[object]]:
    async def read() -> None:
        for each in read_ids():
            await store.session(each)

    return read


def _bare_reader(store: Store, bare: "asyncpg.Connection[Any]") -> Callable[[], Awaitable[object]]:
    sql = store._queries[queries.SESSION].sql  # noqa: SLF001 -- the very statement that the store runs

    async def read() -> None:
        for each in read_ids():
            await bare.fetchrow(sql, each)

    return read


def _rotation(store: Store) -> Callable[[], Awaitable[object]]:
    # Others than those that have been rotated in SQLite before.
    ids, generations = rotated_ids(3 * AT_ONCE), itertools.count()

    async def rotate() -> None:
        generation = next(generations)
        await asyncio.gather(*(store.commit(RotateSession(each, generation, NOW, NOW)) for each in ids))

    return rotate


def _bare_rotation(store: Store, bare: "asyncpg.Connection[Any]") -> Callable[[], Awaitable[object]]:
    _, (statement,) = store._writes[RotateSession]  # noqa: SLF001 -- the very statement that the store runs
    ids, generations = rotated_ids(4 * AT_ONCE), itertools.count()

    async def rotate() -> None:
        generation = next(generations)
        async with bare.transaction():
            for each in ids:
                values = {"session_id": each, "generation": generation, "at": NOW, "idle_expires_at": NOW}
                await bare.execute(statement.sql, *statement.parameters(values))

    return rotate


@dataclass(frozen=True)
class _Sampled:
    """For each party, one sample a round of a single look-up or rotation.

    Attributes:
        ours: CPU microseconds of this process.
        theirs: CPU microseconds of PostgreSQL's processes.
        rates: how many a second, by the wall clock.
    """

    ours: Samples = field(default_factory=dict)
    theirs: Samples = field(default_factory=dict)
    rates: Samples = field(default_factory=dict)


def _take_turns(runner: asyncio.Runner, parties: Parties, server: DurablePostgreSQL, effort: Effort) -> _Sampled:
    sampled = _Sampled()
    for turn in range(effort.rounds + 1):
        for party, work in parties.items():
            took = _took(runner, work, server, effort.turn)
            if turn:  # the first one warms up
                for samples, value in zip((sampled.ours, sampled.theirs, sampled.rates), took, strict=True):
                    samples.setdefault(party, []).append(value)
    return sampled


def _took(
    runner: asyncio.Runner, work: Callable[[], Awaitable[object]], server: DurablePostgreSQL, seconds: float
) -> tuple[float, float, float]:
    """CPU microseconds here and there for each, and how many a second."""
    count = 0

    async def repeat() -> None:
        nonlocal count
        while not count or time.perf_counter() - begun < seconds:
            await work()
            count += AT_ONCE

    theirs, ours, begun = server.cpu_seconds(), time.process_time(), time.perf_counter()
    runner.run(repeat())
    wall, ours, theirs = time.perf_counter() - begun, time.process_time() - ours, server.cpu_seconds() - theirs
    return ours * 1e6 / count, theirs * 1e6 / count, count / wall


def _compared(work: str, sampled: _Sampled) -> Iterator[Comparison]:
    on_server = {party: each for party, each in sampled.theirs.items() if party != SQLITE}
    yield Comparison(work, "µs", {party: sampled.ours[party] for party in on_server}, LIMIT)
    yield Comparison(f"{work}: CPU of PostgreSQL", "µs", on_server, LIMIT)
    yield Comparison(f"{work}, beside SQLite", "req/s", {p: sampled.rates[p] for p in (SQLITE, JOTARY)}, SQLITE)
