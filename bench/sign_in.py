"""Signing in: two hundred people at once, and what becomes of everybody else; the rate beside the bare hash.

The server is `jotary serve` as it comes, on every core. The limit is Argon2id alone, in as many threads as there are
cores. The people have an account each, and the right password.
"""

import asyncio
import contextlib
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.load.contenders import has_process_figures
from bench.load.people import Form, Seen, burst, token_request
from bench.load.process import Command, Server, free_port, serving
from bench.measurement import JOTARY, Comparison, Effort, Skipped, Target
from jotary.oauth.secret import Secret
from jotary.server.flows import endpoints
from jotary.server.model.changes import AddClient, AddUser, PutPassword
from jotary.server.model.client import Client
from jotary.server.model.credential import Password
from jotary.server.model.user import User
from jotary.server.passwords import argon2id
from jotary.server.store import open_store

PEOPLE = 200
AT_ONCE = 24  # who keep every thread busy, and whom no queue turns away
LIMIT = "argon2-cffi, bare"
PASSWORD = "thirty purple otters hum"
_ROUNDS = 5


def measure(effort: Effort) -> Iterator[Comparison | Skipped]:
    """The rate; then the burst."""
    if not has_process_figures():
        yield Skipped("signing in", "needs Linux")
        return
    rounds = min(effort.rounds, _ROUNDS)
    with sign_in_server() as (port, client_secret, _):
        form = Form(port)
        people = [form.filled(f"person-{number}@example.com", PASSWORD) for number in range(PEOPLE)]
        yield _rate(port, people[:AT_ONCE], effort, rounds)
        beside = {
            "token": token_request("service", client_secret),
            "JWKS": f"GET {endpoints.JWKS} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
        }
        seen = [burst(port, people, beside, effort.load * 3) for _ in range(rounds)]
    yield from _beside(seen)


def _rate(port: int, people: Sequence[bytes], effort: Effort, rounds: int) -> Comparison:
    samples: dict[str, list[float]] = {LIMIT: [], JOTARY: []}
    for _ in range(rounds):
        samples[LIMIT].append(_bare(effort.load))
        seen = burst(port, list(people), {}, effort.load)
        samples[JOTARY].append(seen.statuses.get(303, 0) / seen.seconds)
    return Comparison("sign in", "req/s", samples, LIMIT, Target(0.9, sense="≥"))


def _bare(seconds: float) -> float:
    """Hashes a second, in a thread for every core."""
    phc, end, cores = argon2id.hash_password(PASSWORD), time.perf_counter() + seconds, len(os.sched_getaffinity(0))

    def verify() -> int:
        count = 0
        while time.perf_counter() < end:
            argon2id.verify(phc, PASSWORD)
            count += 1
        return count

    begun = time.perf_counter()
    with ThreadPoolExecutor(cores) as threads:
        jobs = [threads.submit(verify) for _ in range(cores)]
        return sum(job.result() for job in jobs) / (time.perf_counter() - begun)


def _beside(seen: Sequence[Seen]) -> Iterator[Comparison]:
    while_signing_in = f"while {PEOPLE} people sign in"
    for name in seen[0].waits:
        waits = [_p99(each.waits[name]) for each in seen]
        yield Comparison(f"{name} {while_signing_in}, p99", "ms", {JOTARY: waits}, None, Target(250, "figure"))
    refusals = [_p99(each.refusals) for each in seen if each.refusals]
    if refusals:
        yield Comparison(f"503 {while_signing_in}, p99", "ms", {JOTARY: refusals}, None)
    statuses: dict[int, int] = {}
    for each in seen:
        for status, count in each.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    print(f"\nsign-ins of the bursts by status: {statuses}")


def _p99(waits: Sequence[float]) -> float:
    return statistics.quantiles(waits, n=100, method="inclusive")[-1] * 1000 if len(waits) > 1 else waits[0] * 1000


@contextlib.contextmanager
def sign_in_server(**settings: str) -> Iterator[tuple[int, str, Server]]:
    """A server with people and one client: its port, the client's secret, and the process."""
    with tempfile.TemporaryDirectory() as folder:
        port, client_secret, url = free_port(), secrets.token_urlsafe(32), f"sqlite:///{folder}/jotary.db"
        asyncio.run(_furnish(url, client_secret))
        environment = {
            "JOTARY_ISSUER": f"http://127.0.0.1:{port}",
            "JOTARY_DATABASE": url,
            "JOTARY_SECRET": secrets.token_urlsafe(32),
            "JOTARY_LOG_FORMAT": "json",
            "JOTARY_LOG_LEVEL": "error",
            **settings,
        }
        arguments = [sys.executable, "-c", "from jotary.cli import main; main()", "serve"]
        with serving(Command(arguments, Path(folder), environment), port) as server:
            yield port, client_secret, server


async def _furnish(url: str, client_secret: str) -> None:
    """Everybody has the same password, so that it is hashed once."""
    now, phc = int(time.time()), argon2id.hash_password(PASSWORD)
    people = [User(id=f"person-{n}", email=f"person-{n}@example.com", created_at=now) for n in range(PEOPLE)]
    service = Client(
        id="service",
        name="service",
        type="service",
        token_endpoint_auth_method="client_secret_basic",
        secret_sha256=Secret(client_secret).sha256(),
        grant_types=("client_credentials",),
        scopes=("todo:read",),
        audiences=("https://todo.example.com",),
        created_at=now,
    )
    store = await open_store(url)
    try:
        passwords = (PutPassword(Password(user_id=person.id, hash=phc, changed_at=now)) for person in people)
        await store.commit(AddClient(service), *map(AddUser, people), *passwords)
    finally:
        await store.close()
