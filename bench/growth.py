"""What growing costs: the same work on a database with ten thousand people, and on one with five million.

Each has a password, a browser that is signed in and a session; the work is about some that are drawn from all. Both
databases are there at once and take turns. µs are the CPU time of jotary and of the database's own processes; ms and
requests a second are the wall clock's. Signing in is the whole flow but for the hash of the password. Refreshing is
`jotary serve` under load, and starting is its first answer on a file that the system must read from the disk. For all
else the files of both databases are held in the system's memory: some systems drop what was not read for seconds, and a
disk grows no slower with more people.
"""

import contextlib
import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load.client import RefreshAnyone, drive
from bench.load.contenders import CONNECTIONS, has_process_figures, jotary_command
from bench.load.process import Command, Server, cores, free_port, on_core, serving
from bench.measurement import JOTARY, Comparison, Effort, Skipped, Target, Unit
from bench.peers.npm import Unavailable
from bench.population.databases import Database, postgresql_databases, sqlite_databases
from bench.population.flows import Flows, Work, event_loop
from bench.population.memory import in_memory
from bench.population.people import EXPIRED_AT_ONCE
from jotary.oauth.secret import Secret
from jotary.server.flows import endpoints
from jotary.server.keyring import derive_key
from jotary.server.model.refresh_token import RefreshTokens

#: Design §8: refreshing and signing in at five million cost at most this many times what they cost at ten thousand.
BOUND = 1.15
_ROUNDS = 7  # at most
_LOOK_UPS = 2_000  # of a turn, for each second that a turn under load takes
_DRAWN = 100_000  # sessions that are refreshed, one after the other
_SQLITE = "SQLite"

_KINDS = {_SQLITE: sqlite_databases, "PostgreSQL": postgresql_databases}


def measure(effort: Effort, kinds: Sequence[str] = tuple(_KINDS)) -> Iterator[Comparison | Skipped]:
    """Each kind of database by itself."""
    for kind in kinds:
        if not has_process_figures():
            yield Skipped(f"growth, {kind}", "needs Linux")
            continue
        client_secret = secrets.token_urlsafe(32)
        try:
            with _KINDS[kind](effort.users, client_secret) as databases:
                yield from _measured(kind, databases, client_secret, effort)
        except Unavailable as reason:
            yield Skipped(f"growth, {kind}", str(reason))


def _measured(kind: str, databases: Sequence[Database], client_secret: str, effort: Effort) -> Iterator[Comparison]:
    yield from _weights(kind, databases)
    core, where_load_runs = cores()
    with tempfile.TemporaryDirectory() as folder:
        servers = [_prepared(Path(folder), database) for database in databases]
        with contextlib.ExitStack() as stack:
            stack.enter_context(in_memory({file for database in databases for file in database.files()}))
            yield from _in_process(kind, databases, effort)
            with on_core(core):
                running = [stack.enter_context(serving(each.command, each.port)) for each in servers]
            stack.enter_context(on_core(where_load_runs))
            yield from _refreshes(kind, databases, list(zip(servers, running, strict=True)), client_secret, effort)
        if kind == _SQLITE:
            with on_core(core):
                yield from _starts(databases, servers, effort)


def _weights(kind: str, databases: Sequence[Database]) -> Iterator[Comparison]:
    for table in databases[0].weights:
        weights = [[database.weights[table]] for database in databases]
        yield _beside(f"a row of {table} with its indexes", "B", databases, weights, kind=kind)
    whole = [[sum(database.weights.values())] for database in databases]
    yield _beside("a person with all of it", "B", databases, whole, kind=kind)


def _in_process(kind: str, databases: Sequence[Database], effort: Effort) -> Iterator[Comparison]:
    with event_loop() as runner, contextlib.ExitStack() as stack:
        opened = [Flows(database, runner) for database in databases]
        for each in opened:
            stack.callback(each.close)
        yield from _flows(kind, opened, effort)


def _flows(kind: str, opened: Sequence[Flows], effort: Effort) -> Iterator[Comparison]:
    count = max(1, int(effort.load * _LOOK_UPS))
    rounds = min(effort.rounds, _ROUNDS)
    works: Mapping[str, tuple[Callable[[Flows], Work], int, Target | None]] = {
        "look up a client": (lambda flows: flows.client, count, None),
        "look up a session": (lambda flows: flows.sessions, count, None),
        "look up a person": (lambda flows: flows.users, count, None),
        "look up a person by e-mail": (lambda flows: flows.users_by_email, count, None),
        "sign in, without the hash": (lambda flows: flows.sign_ins, count, Target(BOUND)),
        "purge an expired session": (lambda flows: flows.purge, EXPIRED_AT_ONCE, None),
    }
    for name, (work, units, target) in works.items():
        seconds: list[list[float]] = [[] for _ in opened]
        cpu: list[list[float]] = [[] for _ in opened]
        for turn in range(rounds + 1):
            for place, flows in enumerate(opened):
                took = _took(flows, work(flows), units)
                if turn:  # the first one warms up
                    seconds[place].append(took[0] * 1e3)
                    cpu[place].append(took[1] * 1e6)
        databases = [flows.database for flows in opened]
        yield _beside(name, "ms", databases, seconds, kind=kind, target=target)
        yield _beside(f"{name}: CPU", "µs", databases, cpu, kind=kind, target=target)


def _took(flows: Flows, work: Work, units: int) -> tuple[float, float]:
    """Seconds of the wall clock and of CPU time for each."""
    numbers = flows.drawn(units)
    cpu, started = _cpu_seconds(flows.database), time.perf_counter()
    flows.run(work, numbers)
    return (time.perf_counter() - started) / units, (_cpu_seconds(flows.database) - cpu) / units


def _cpu_seconds(database: Database) -> float:
    return time.process_time() + database.cpu()


@dataclass(frozen=True)
class _Prepared:
    """A server that can be started on one of the databases."""

    port: int
    command: Command
    secret: Secret


def _prepared(folder: Path, database: Database) -> _Prepared:
    port, secret = free_port(), secrets.token_urlsafe(32)
    return _Prepared(port, jotary_command(folder, port=port, database=database.url, secret=secret), Secret(secret))


def _starts(databases: Sequence[Database], servers: Sequence[_Prepared], effort: Effort) -> Iterator[Comparison]:
    """All of them have run before, so that their bytecode and their signing keys are there."""
    seconds: list[list[float]] = [[] for _ in databases]
    cpu: list[list[float]] = [[] for _ in databases]
    for _ in range(max(1, min(effort.rounds // 2, _ROUNDS))):
        for place, (database, prepared) in enumerate(zip(databases, servers, strict=True)):
            database.forget_file()
            with serving(prepared.command, prepared.port) as server:
                seconds[place].append(server.seconds)
                cpu[place].append(server.cpu)
    yield _beside("start to first answer, file not in memory", "s", databases, seconds, kind=_SQLITE)
    yield _beside("start to first answer, file not in memory: CPU", "s", databases, cpu, kind=_SQLITE)


def _refreshes(
    kind: str,
    databases: Sequence[Database],
    servers: Sequence[tuple[_Prepared, Server]],
    client_secret: str,
    effort: Effort,
) -> Iterator[Comparison]:
    rates: list[list[float]] = [[] for _ in databases]
    costs: list[list[float]] = [[] for _ in databases]
    drawn = [_drawn_tokens(database, prepared) for database, (prepared, _) in zip(databases, servers, strict=True)]
    for turn in range(min(effort.rounds, _ROUNDS) + 1):
        for place, (database, (prepared, server)) in enumerate(zip(databases, servers, strict=True)):
            scripts = [RefreshAnyone(endpoints.TOKEN, client_secret, drawn[place]) for _ in range(CONNECTIONS)]
            before = server.cpu_seconds() + database.cpu()
            seen = drive(prepared.port, scripts, effort.load if turn else effort.warm_up)
            if turn:
                rates[place].append(seen.requests / seen.seconds)
                costs[place].append((server.cpu_seconds() + database.cpu() - before) * 1e6 / seen.requests)
    yield _beside(
        "refresh with rotation", "req/s", databases, rates, kind=kind, target=Target(round(1 / BOUND, 2), sense="≥")
    )
    yield _beside("refresh with rotation: CPU for each", "µs", databases, costs, kind=kind, target=Target(BOUND))


def _drawn_tokens(database: Database, prepared: _Prepared) -> deque[str]:
    """The refresh tokens of sessions drawn from all that live: more than a run comes to, or all where they are few."""
    population, minting = database.population, RefreshTokens(derive_key(prepared.secret, "refresh-token"))
    numbers = secrets.SystemRandom().sample(range(population.users), min(_DRAWN, population.users))
    return deque(minting.mint(population.session_id(number), 0) for number in numbers)


def _beside(
    work: str,
    unit: Unit,
    databases: Sequence[Database],
    samples: Sequence[Sequence[float]],
    *,
    kind: str,
    target: Target | None = None,
) -> Comparison:
    """Many people beside few."""
    few, many = (f"{database.population.users:,} people" for database in databases)
    return Comparison(f"{work}, {kind}, {many}", unit, {few: samples[0], JOTARY: samples[1]}, few, target)
