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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.access_token import AUDIENCE, SCOPE
from bench.load.process import Command, free_port
from bench.measurement import JOTARY
from bench.peers.npm import Unavailable, install
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
OIDC_PROVIDER_SETTINGS = "in memory (a Map), ES256 access tokens (at+jwt), client_secret_basic, rotation, production"
_OIDC_PROVIDER_VERSION = "9.13.3"
_PEER = Path(__file__).parents[1] / "peers" / "oidc_provider.mjs"
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
    """

    name: str
    port: int
    command: Command
    jwks: str
    client_secret: str
    refresh_tokens: Sequence[str]


@contextlib.contextmanager
def jotary_server() -> Iterator[Contender]:
    """`jotary serve` as it comes: one process, durable SQLite in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        port, secret, client_secret = free_port(), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        url = f"sqlite:///{folder}/jotary.db"
        sessions = [_session(number, int(time.time())) for number in range(CONNECTIONS)]
        asyncio.run(_furnish(url, client_secret, sessions))
        refresh_tokens = RefreshTokens(derive_key(Secret(secret), "refresh-token"))
        environment = {
            "JOTARY_ISSUER": f"http://127.0.0.1:{port}",
            "JOTARY_DATABASE": url,
            "JOTARY_SECRET": secret,
            "JOTARY_LOG_FORMAT": "json",
            # With its bytecode, as it is installed; the first start makes that, whatever this environment forbids.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
        }
        command = Command(
            [sys.executable, "-c", "from jotary.cli import main; main()", "serve"], Path(folder), environment
        )
        first = [refresh_tokens.mint(each.id, each.generation) for each in sessions]
        yield Contender(JOTARY, port, command, endpoints.JWKS, client_secret, first)


@contextlib.contextmanager
def oidc_provider() -> Iterator[Contender]:
    """Node oidc-provider in memory, installed into a temporary folder.

    Raises:
        Unavailable: node or npm is missing, or npm cannot install it.
    """
    with tempfile.TemporaryDirectory() as folder:
        node = install(folder, f"oidc-provider@{_OIDC_PROVIDER_VERSION}")
        script = shutil.copy(_PEER, folder)
        port, client_secret = free_port(), secrets.token_urlsafe(32)
        arguments = [node, script, f"http://127.0.0.1:{port}", str(port), client_secret, str(CONNECTIONS)]
        command = Command(arguments, Path(folder), {"NODE_ENV": "production"})
        yield Contender(OIDC_PROVIDER, port, command, "/jwks", client_secret, ())


@contextlib.contextmanager
def contenders() -> Iterator[list[Contender]]:
    """Jotary and, where it is to be had, its peer; why not is printed."""
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(jotary_server())]
        try:
            both.append(stack.enter_context(oidc_provider()))
        except Unavailable as reason:
            print(f"\n{OIDC_PROVIDER} is left out: {reason}")
        yield both


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


async def _furnish(url: str, client_secret: str, sessions: Sequence[Session]) -> None:
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
