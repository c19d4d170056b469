"""The servers that are compared: how each is prepared, started and asked."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.access_token import AUDIENCE, SCOPE
from bench.load.postgresql import durable_postgresql
from bench.load.process import Command, cores, free_port, on_core, serving
from bench.measurement import JOTARY
from bench.peers.npm import Unavailable, build, install
from jotary.oauth.secret import Secret
from jotary.server.flows import endpoints
from jotary.server.keyring import derive_key
from jotary.server.model.changes import AddClient, AddSession, AddUser
from jotary.server.model.client import Client
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.refresh_token import RefreshTokens
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.store import open_store

#: Connections at once, and sessions, of which each connection refreshes one.
CONNECTIONS = 32
OIDC_PROVIDER = "oidc-provider"
OIDC_PROVIDER_ON_DISK = "oidc-provider on SQLite"
TWO_WORKERS = f"{JOTARY}, two workers"
ON_POSTGRESQL = f"{JOTARY} on PostgreSQL"
#: What is the same for all peers on node.
NODE_SETTINGS = "ES256 access tokens (at+jwt), client_secret_basic, rotation, production"
_PACKAGES = {OIDC_PROVIDER: "oidc-provider@9.13.3", OIDC_PROVIDER_ON_DISK: "better-sqlite3@12.11.1"}
BETTER_AUTH = "better-auth"
_BETTER_AUTH_PACKAGES = (
    # All of one release: the provider asks for exactly these.
    *("better-auth@1.7.5", "@better-auth/oauth-provider@1.7.5", "@better-auth/core@1.7.5", "@better-auth/utils@0.4.2"),
    *("@better-fetch/fetch@1.3.2", "better-call@1.4.0", _PACKAGES[OIDC_PROVIDER_ON_DISK]),
)
#: A folder for the peers' packages that outlives the run: better-sqlite3 is compiled for minutes.
KEPT_PEERS = "JOTARY_BENCH_PEERS"
_PEERS = Path(__file__).parents[1] / "peers"
_DAY = 86_400


@dataclass(frozen=True)
class Contender:
    """A server that can be started.

    Attributes:
        name: in the figures.
        port: that it listens on.
        command: that starts it.
        jwks: path of its keys.
        client_secret: of its clients `service` and `web`.
        refresh_tokens: one for each session; empty if it says them on its output when it has started.
        needs_cores: how many processes answer.
        connections: at once, under load.
        issues_only: whether only its token endpoint is measured.
        database_cpu: CPU seconds of its database's own processes so far.
    """

    name: str
    port: int
    command: Command
    jwks: str
    client_secret: str
    refresh_tokens: Sequence[str]
    needs_cores: int = 1
    connections: int = CONNECTIONS
    issues_only: bool = False
    database_cpu: Callable[[], float] = lambda: 0.0


@contextlib.contextmanager
def jotary_server(workers: int = 1) -> Iterator[Contender]:
    """`jotary serve` as it comes: durable SQLite in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        name = JOTARY if workers == 1 else TWO_WORKERS
        yield _jotary(name, Path(folder), f"sqlite:///{folder}/jotary.db", workers)


@contextlib.contextmanager
def jotary_on_postgresql() -> Iterator[Contender]:
    """`jotary serve` on a durable PostgreSQL, both on the core of the servers.

    Raises:
        Unavailable: PostgreSQL is not to be had.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        with on_core(cores()[0]):
            database = stack.enter_context(durable_postgresql())
        made = _jotary(ON_POSTGRESQL, Path(folder), database.new_database())
        yield replace(made, issues_only=True, database_cpu=database.cpu_seconds)


def _jotary(name: str, folder: Path, database: str, workers: int = 1) -> Contender:
    port, secret, client_secret = free_port(), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    sessions = [_session(number, int(time.time())) for number in range(CONNECTIONS)]
    asyncio.run(furnish(database, client_secret, sessions))
    refresh_tokens = RefreshTokens(derive_key(Secret(secret), "refresh-token"))
    command = jotary_command(folder, port=port, database=database, secret=secret, workers=workers)
    first = [refresh_tokens.mint(each.id, each.generation) for each in sessions]
    # Installing makes the bytecode: a process that does would hold what it took to compile, some 6 MiB, for ever.
    with serving(command, port):
        pass
    return Contender(name, port, command, endpoints.JWKS, client_secret, first, workers)


def jotary_command(folder: Path, *, port: int, database: str, secret: str, workers: int = 1) -> Command:
    """`jotary serve` on a database that is there."""
    environment = {
        "JOTARY_ISSUER": f"http://127.0.0.1:{port}",
        "JOTARY_DATABASE": database,
        "JOTARY_SECRET": secret,
        "JOTARY_LOG_FORMAT": "json",
        # The code that this process runs, wherever the server's folder is.
        "PYTHONPATH": os.pathsep.join(str(Path(path).resolve()) for path in sys.path),
        # With its bytecode, as it is installed; whatever this environment forbids.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
    }
    arguments = [sys.executable, "-c", "from jotary.cli import main; main()", "serve", f"--workers={workers}"]
    return Command(arguments, folder, environment)


@contextlib.contextmanager
def oidc_provider(name: str = OIDC_PROVIDER) -> Iterator[Contender]:
    """Node oidc-provider, in memory or on durable SQLite; installed by npm.

    Raises:
        Unavailable: node or npm is missing, or npm cannot install it.
    """
    is_on_disk = name == OIDC_PROVIDER_ON_DISK
    with tempfile.TemporaryDirectory() as folder:
        if is_on_disk:
            installed = str(Path(os.environ.get(KEPT_PEERS) or folder).resolve())
            node = build(installed, _PACKAGES[OIDC_PROVIDER], _PACKAGES[name])
        else:
            installed, node = folder, install(folder, _PACKAGES[name])
        script = str(shutil.copy(_PEERS / "oidc_provider.mjs", installed))
        port, client_secret = free_port(), secrets.token_urlsafe(32)
        arguments = [node, script, f"http://127.0.0.1:{port}", str(port), client_secret, str(CONNECTIONS)]
        database = [f"{folder}/peer.db"] if is_on_disk else []
        command = Command([*arguments, *database], Path(folder), {"NODE_ENV": "production"})
        yield Contender(name, port, command, "/jwks", client_secret, ())


@contextlib.contextmanager
def better_auth() -> Iterator[Contender]:
    """better-auth on durable SQLite; installed by npm.

    Raises:
        Unavailable: node or npm is missing, or npm cannot build it.
    """
    with tempfile.TemporaryDirectory() as folder:
        installed = Path(os.environ.get(KEPT_PEERS) or folder).resolve() / "better_auth"
        installed.mkdir(parents=True, exist_ok=True)
        node = build(str(installed), *_BETTER_AUTH_PACKAGES)
        script = str(shutil.copy(_PEERS / "better_auth.mjs", installed))
        port, client_secret = free_port(), secrets.token_urlsafe(32)
        arguments = [node, script, f"http://127.0.0.1:{port}", str(port), client_secret, str(CONNECTIONS)]
        command = Command([*arguments, f"{folder}/peer.db"], Path(folder), {"NODE_ENV": "production"})
        yield Contender(BETTER_AUTH, port, command, "", client_secret, (), issues_only=True)


@contextlib.contextmanager
def contenders(*more: contextlib.AbstractContextManager[Contender]) -> Iterator[list[Contender]]:
    """Jotary, its peer, and more, where they are to be had; why not is printed."""
    with contextlib.ExitStack() as stack:
        all_of_them = [stack.enter_context(jotary_server())]
        for each in (oidc_provider(), *more):
            try:
                all_of_them.append(stack.enter_context(each))
            except Unavailable as reason:
                print(f"\nA peer is left out: {reason}")
        yield all_of_them


def announced(line: bytes) -> dict[str, Any]:
    """What oidc-provider says when it has started."""
    said: dict[str, Any] = json.loads(line)
    return said


def has_process_figures() -> bool:
    """Whether processes can be pinned and measured here: on Linux."""
    return hasattr(os, "sched_setaffinity") and Path("/proc/self/stat").exists()


def _session(number: int, now: int) -> Session:
    return Session(
        id=new_identifier(now, secrets.token_bytes(IDENTIFIER_ENTROPY)),
        user_id=f"person-{number}",
        client_id="web",
        sign_in_id=None,
        scopes=(SCOPE,),  # without `openid`, so that no answer holds an ID token
        resources=(AUDIENCE,),
        authenticated_at=now,
        methods=("pwd",),
        created_at=now,
        rotated_at=now,
        idle_expires_at=now + 14 * _DAY,
        expires_at=now + 90 * _DAY,
    )


async def furnish(url: str, client_secret: str, sessions: Sequence[Session]) -> None:
    """Make the database, with the clients `service` and `web`, and these sessions of a person each."""
    now = int(time.time())
    digest = Secret(client_secret).sha256()
    common = {"token_endpoint_auth_method": "client_secret_basic", "secret_sha256": digest, "scopes": (SCOPE,)}
    registered: dict[str, Any] = {**common, "audiences": (AUDIENCE,), "created_at": now}
    service = Client(id="service", name="service", type="service", grant_types=("client_credentials",), **registered)
    grants = ("authorization_code", "refresh_token")
    web = Client(id="web", name="web", type="web", grant_types=grants, **registered)
    people = [User(id=each.user_id, email=f"{each.user_id}@example.com", created_at=now) for each in sessions]
    store = await open_store(url)
    try:
        await store.commit(
            AddClient(service), AddClient(web), *map(AddUser, people), *(AddSession(each) for each in sessions)
        )
    finally:
        await store.close()
