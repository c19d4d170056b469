"""The authorization server under load: one process on one core, beside node oidc-provider in memory and on SQLite.

All get the same requests over as many kept connections, from a load generator on another core. `jotary serve` is as it
comes, and every rotation is on disk before its answer; oidc-provider keeps everything in a Map, or in SQLite with the
same durability. All sign with ES256. Two workers of jotary use every core, that of the load generator too. On
PostgreSQL, jotary and the processes of PostgreSQL share the core of the servers.
A rate is the wall clock's; CPU time is that of a server's processes with all their threads and with the kernel's part.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from bench.access_token import AUDIENCE, SCOPE
from bench.load.client import Refresh, Repeat, Script, drive, get, post
from bench.load.contenders import (
    NODE_SETTINGS,
    OIDC_PROVIDER,
    OIDC_PROVIDER_ON_DISK,
    ON_POSTGRESQL,
    TWO_WORKERS,
    Contender,
    announced,
    contenders,
    has_process_figures,
    jotary_on_postgresql,
    jotary_server,
    oidc_provider,
)
from bench.load.disk import DISK, synced_writes
from bench.load.further_peers import further_peers
from bench.load.process import DISCOVERY, Server, cores, on_core, serving
from bench.measurement import JOTARY, Comparison, Effort, Skipped, Target, Unit

_TOKEN_ENDPOINT = "/token"
_ROUNDS = 7  # at most; each takes seconds
_DURABLE = "refresh with rotation"
_ON_SQLITE = "on SQLite"
_REMEMBERED = ("client credentials", _DURABLE)  # what memory is looked at after

Scripts = Mapping[str, Sequence[Script]]
Running = Mapping[str, tuple[Contender, Server]]
Samples = dict[str, list[float]]


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """Client credentials, refresh, published documents; memory in between."""
    if not has_process_figures():
        yield Skipped("the server under load", "needs Linux")
        return
    where_servers_run, where_load_runs = cores()
    with contextlib.ExitStack() as stack:
        running: dict[str, tuple[Contender, Server]] = {}
        for contender in stack.enter_context(
            contenders(
                oidc_provider(OIDC_PROVIDER_ON_DISK), jotary_server(workers=2), jotary_on_postgresql(), *further_peers()
            )
        ):
            with on_core(*((where_servers_run,) if contender.needs_cores == 1 else os.sched_getaffinity(0))):
                server = stack.enter_context(serving(contender.command, contender.port))
            running[contender.name] = (_introduced(contender, server), server)
        if ON_POSTGRESQL not in running:
            yield Skipped("the server on PostgreSQL", "PostgreSQL is not to be had; why is said above")
        stack.enter_context(on_core(where_load_runs))
        for work, scripts, bound in _loads(running):
            yield from _compare(work, scripts, running, effort, bound=bound)
            if work in _REMEMBERED:
                memory = {name: [server.resident_mebibytes()] for name, (_, server) in running.items()}
                yield Comparison(f"memory after {work}", "MiB", memory, _peer(running), Target(80, "figure"))


def _peer(parties: Iterable[str]) -> str | None:
    return OIDC_PROVIDER if OIDC_PROVIDER in parties else None


def _loads(running: Running) -> Iterator[tuple[str, Scripts, float]]:
    """Each work with what every connection sends, and how many times the peer's rate it must come to."""
    asked = f"grant_type=client_credentials&scope={quote(SCOPE)}&resource={quote(AUDIENCE, safe='')}"
    yield (
        "client credentials",
        _same(_without_disk(running), lambda each: post(_TOKEN_ENDPOINT, "service", each.client_secret, asked)),
        1.5,
    )
    yield _DURABLE, {name: _refreshes(each) for name, (each, _) in running.items()}, 1.3
    publishing = {name: each for name, each in _without_disk(running).items() if not each[0].issues_only}
    yield "JWKS", _same(publishing, lambda each: get(each.jwks)), 1.5
    yield "discovery", _same(publishing, lambda _: get(DISCOVERY)), 1.5


def _without_disk(running: Running) -> Running:
    """Where nothing is kept, the peer on disk is as fast as the one in memory."""
    return {name: each for name, each in running.items() if name != OIDC_PROVIDER_ON_DISK}


def _same(running: Running, request: Callable[[Contender], bytes]) -> Scripts:
    return {name: [Repeat(request(contender))] * contender.connections for name, (contender, _) in running.items()}


def _refreshes(contender: Contender) -> list[Refresh]:
    return [Refresh(_TOKEN_ENDPOINT, contender.client_secret, token) for token in contender.refresh_tokens]


def _introduced(contender: Contender, server: Server) -> Contender:
    """With the refresh tokens that a peer on node says on its output."""
    if contender.refresh_tokens:
        return contender
    said = announced(server.output.readline())
    print(f"\n{contender.name} {said['version']} on node {said['node']}: {NODE_SETTINGS}")
    return replace(contender, refresh_tokens=said["refresh_tokens"])


def _compare(
    work: str,
    scripts: Scripts,
    running: Running,
    effort: Effort,
    *,
    bound: float,
) -> Iterator[Comparison]:
    """A rate by the wall clock and by CPU time, of which at most as much less may be used as the rate must be more."""
    sampled = _sampled(scripts, running, effort)
    rates, costs = sampled.rates, sampled.costs
    against = _peer(scripts)
    yield Comparison(work, "req/s", rates, against, Target(bound, sense="≥"))
    yield Comparison(f"{work}: CPU for each", "µs", costs, against, Target(round(1 / bound, 2)))
    if OIDC_PROVIDER_ON_DISK in scripts:
        yield Comparison(f"{work}, both durable", "req/s", rates, OIDC_PROVIDER_ON_DISK, Target(4, sense="≥"))
        yield Comparison(f"{work}, both durable: CPU for each", "µs", costs, OIDC_PROVIDER_ON_DISK)
    if work == _DURABLE:
        yield Comparison(f"{work}, beside the disk", "req/s", {DISK: sampled.disk, JOTARY: rates[JOTARY]}, DISK)
    if ON_POSTGRESQL in scripts:
        yield from _on_postgresql(work, sampled)
    for name in (name for name in scripts if running[name][0].issues_only and name != ON_POSTGRESQL):
        yield Comparison(f"{work}, beside {name}", "req/s", _two(name, rates), name)
        yield Comparison(f"{work}, beside {name}: CPU for each", "µs", _two(name, costs), name)
    yield _workers(work, "req/s", rates)
    yield _workers(f"{work}: CPU for each", "µs", costs)


@dataclass(frozen=True)
class _Sampled:
    """One sample a round: of each contender, and of the disk alone.

    Attributes:
        rates: requests a second.
        costs: CPU microseconds of the server for each.
        database: those of the database's own processes.
        disk: single synced writes a second.
    """

    rates: Samples = field(default_factory=dict)
    costs: Samples = field(default_factory=dict)
    database: Samples = field(default_factory=dict)
    disk: list[float] = field(default_factory=list)


def _sampled(scripts: Scripts, running: Running, effort: Effort) -> _Sampled:
    sampled = _Sampled()
    for name in scripts:
        drive(running[name][0].port, scripts[name], effort.warm_up)
    for _ in range(min(effort.rounds, _ROUNDS)):
        for name in scripts:
            contender, server = running[name]
            before, database = server.cpu_seconds(), contender.database_cpu()
            measured = drive(contender.port, scripts[name], effort.load)
            cpu, database = server.cpu_seconds() - before, contender.database_cpu() - database
            sampled.rates.setdefault(name, []).append(measured.requests / measured.seconds)
            sampled.costs.setdefault(name, []).append(cpu * 1e6 / measured.requests)
            sampled.database.setdefault(name, []).append(database * 1e6 / measured.requests)
        sampled.disk.append(synced_writes(effort.load / 3))
    return sampled


def _on_postgresql(work: str, sampled: _Sampled) -> Iterator[Comparison]:
    """PostgreSQL beside SQLite; CPU time without and with that of PostgreSQL's own processes."""
    whole = [sum(each) for each in zip(sampled.costs[ON_POSTGRESQL], sampled.database[ON_POSTGRESQL], strict=True)]
    rows: tuple[tuple[str, Unit, Sequence[float], Sequence[float]], ...] = (
        ("", "req/s", sampled.rates[JOTARY], sampled.rates[ON_POSTGRESQL]),
        (": CPU for each", "µs", sampled.costs[JOTARY], sampled.costs[ON_POSTGRESQL]),
        (": CPU for each, with that of PostgreSQL", "µs", sampled.costs[JOTARY], whole),
    )
    for what, unit, sqlite, postgresql in rows:
        yield Comparison(f"{work}, on PostgreSQL{what}", unit, {_ON_SQLITE: sqlite, JOTARY: postgresql}, _ON_SQLITE)


def _two(peer: str, samples: Samples) -> Samples:
    return {name: samples[name] for name in (peer, JOTARY)}


def _workers(work: str, unit: Unit, samples: Samples) -> Comparison:
    """Two workers beside one."""
    two = {"one worker": samples[JOTARY], JOTARY: samples[TWO_WORKERS]}
    return Comparison(f"{work}, two workers", unit, two, "one worker")
