"""The authorization server under load: one process on one core, beside node oidc-provider in memory.

Both get the same requests over as many kept connections, from a load generator on another core. `jotary serve` is as it
comes, and every rotation is on disk before its answer; oidc-provider keeps everything in a Map. Both sign with ES256.
A rate is the wall clock's; CPU time is that of the server's process with all its threads and with the kernel's part.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from bench.access_token import AUDIENCE, SCOPE
from bench.load.client import Refresh, Repeat, Script, drive, get, post
from bench.load.contenders import (
    CONNECTIONS,
    OIDC_PROVIDER_SETTINGS,
    Contender,
    announced,
    contenders,
    has_process_figures,
)
from bench.load.process import DISCOVERY, Server, cores, on_core, serving
from bench.measurement import JOTARY, Comparison, Effort, Skipped, Target

_TOKEN_ENDPOINT = "/token"
_ROUNDS = 7  # at most; each takes seconds
_REMEMBERED = ("client credentials", "refresh with rotation")  # what memory is looked at after

Scripts = Mapping[str, Sequence[Script]]


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """Client credentials, refresh, published documents; memory in between."""
    if not has_process_figures():
        yield Skipped("the server under load", "needs Linux")
        return
    where_servers_run, where_load_runs = cores()
    with contextlib.ExitStack() as stack:
        running: dict[str, tuple[Contender, Server]] = {}
        with on_core(where_servers_run):
            for contender in stack.enter_context(contenders()):
                server = stack.enter_context(serving(contender.command, contender.port))
                running[contender.name] = (_introduced(contender, server), server)
        stack.enter_context(on_core(where_load_runs))
        for work, scripts, bound in _loads(running):
            yield from _compare(work, scripts, running, effort, bound=bound)
            if work in _REMEMBERED:
                memory = {name: [server.resident_mebibytes()] for name, (_, server) in running.items()}
                yield Comparison(f"memory after {work}", "MiB", memory, _peer(running), Target(80, "figure"))


def _peer(running: Mapping[str, tuple[Contender, Server]]) -> str | None:
    return next((name for name in running if name != JOTARY), None)


def _loads(running: Mapping[str, tuple[Contender, Server]]) -> Iterator[tuple[str, Scripts, float]]:
    """Each work with what every connection sends, and how many times the peer's rate it must come to."""
    asked = f"grant_type=client_credentials&scope={quote(SCOPE)}&resource={quote(AUDIENCE, safe='')}"
    yield (
        "client credentials",
        _same(running, lambda each: post(_TOKEN_ENDPOINT, "service", each.client_secret, asked)),
        1.5,
    )
    yield "refresh with rotation", {name: _refreshes(each) for name, (each, _) in running.items()}, 1.3
    yield "JWKS", _same(running, lambda each: get(each.jwks)), 1.5
    yield "discovery", _same(running, lambda _: get(DISCOVERY)), 1.5


def _same(running: Mapping[str, tuple[Contender, Server]], request: Callable[[Contender], bytes]) -> Scripts:
    return {name: [Repeat(request(contender))] * CONNECTIONS for name, (contender, _) in running.items()}


def _refreshes(contender: Contender) -> list[Refresh]:
    return [Refresh(_TOKEN_ENDPOINT, contender.client_secret, token) for token in contender.refresh_tokens]


def _introduced(contender: Contender, server: Server) -> Contender:
    """With the refresh tokens that it says on its output when it has none yet."""
    if contender.refresh_tokens:
        return contender
    said = announced(server.output.readline())
    print(f"\n{contender.name} {said['version']} on node {said['node']}: {OIDC_PROVIDER_SETTINGS}")
    return replace(contender, refresh_tokens=said["refresh_tokens"])


def _compare(
    work: str,
    scripts: Scripts,
    running: Mapping[str, tuple[Contender, Server]],
    effort: Effort,
    *,
    bound: float,
) -> Iterator[Comparison]:
    """A rate by the wall clock and by CPU time, of which at most as much less may be used as the rate must be more."""
    against = _peer(running)
    rates: dict[str, list[float]] = {name: [] for name in running}
    costs: dict[str, list[float]] = {name: [] for name in running}
    for name, (contender, _) in running.items():
        drive(contender.port, scripts[name], effort.warm_up)
    for _ in range(min(effort.rounds, _ROUNDS)):
        for name, (contender, server) in running.items():
            before = server.cpu_seconds()
            measured = drive(contender.port, scripts[name], effort.load)
            rates[name].append(measured.requests / measured.seconds)
            costs[name].append((server.cpu_seconds() - before) * 1e6 / measured.requests)
    yield Comparison(work, "req/s", rates, against, Target(bound, sense="≥"))
    yield Comparison(f"{work}: CPU for each", "µs", costs, against, Target(round(1 / bound, 2)))
