"""Authorization servers of Python frameworks as contenders: one worker of gunicorn with threads, durable SQLite."""

import contextlib
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.access_token import AUDIENCE, SCOPE
from bench.load.contenders import CONNECTIONS, KEPT_PEERS, Contender
from bench.load.process import Command, free_port
from bench.peers.npm import Unavailable
from bench.peers.pip import install

_PEERS = Path(__file__).parents[1] / "peers"
_THREADS = 8


@dataclass(frozen=True)
class _Peer:
    """What differs between the two.

    Attributes:
        name: in the figures.
        settings: in words.
        folder: of its code.
        requirements: what pip installs.
        furnish: the program that makes the database.
        application: as gunicorn finds it.
        environment: besides that of all.
        connections: under load.
    """

    name: str
    settings: str
    folder: str
    requirements: tuple[str, ...]
    furnish: str
    application: str
    environment: Mapping[str, str]
    connections: int = CONNECTIONS


_GUNICORN = "gunicorn==27.0.1"
DJANGO_OAUTH_TOOLKIT = _Peer(
    name="django-oauth-toolkit",
    settings="opaque access tokens in the database, client secrets hashed by Django's default (PBKDF2), rotation",
    folder="django_toolkit",
    requirements=("django-oauth-toolkit==3.4.1", "Django==5.2.19", _GUNICORN),
    furnish="furnish.py",
    application="django.core.wsgi:get_wsgi_application()",
    environment={"DJANGO_SETTINGS_MODULE": "settings"},
    # One for each thread: such a hash takes a fraction of a second, and whoever waits at the end of a turn is answered.
    connections=_THREADS,
)
AUTHLIB = _Peer(
    name="Authlib on Flask",
    settings="ES256 access tokens (at+jwt), client secrets in plain text as its models keep them, rotation",
    folder="authlib_flask",
    requirements=("Authlib==1.9.9", "Flask==3.1.3", "SQLAlchemy==2.1.9", _GUNICORN),
    furnish="server.py",
    application="server:create_app()",
    environment={},
)


@contextlib.contextmanager
def python_peer(peer: _Peer) -> Iterator[Contender]:
    """One of them, installed by pip.

    Raises:
        Unavailable: pip cannot install it.
    """
    with tempfile.TemporaryDirectory() as folder:
        programs = install(Path(os.environ.get(KEPT_PEERS) or folder).resolve() / peer.folder, *peer.requirements)
        code, port, client_secret = str(_PEERS / peer.folder), free_port(), secrets.token_urlsafe(32)
        environment = {
            "PEER_ISSUER": f"http://127.0.0.1:{port}",
            "PEER_DATABASE": f"{folder}/peer.db",
            "PEER_SECRET": secrets.token_urlsafe(32),
            "PEER_SCOPE": SCOPE,
            "PEER_AUDIENCE": AUDIENCE,
            "PYTHONPATH": code,
            "PYTHONPYCACHEPREFIX": f"{folder}/bytecode",
            **peer.environment,
        }
        furnish = [str(programs / "python"), f"{code}/{peer.furnish}", client_secret, str(CONNECTIONS)]
        refresh_tokens = _furnished(furnish, environment, peer)
        gunicorn = [
            *(str(programs / "gunicorn"), "--workers=1", "--worker-class=gthread", f"--threads={_THREADS}"),
            *("--keep-alive=75", f"--bind=127.0.0.1:{port}", peer.application),
        ]
        yield Contender(
            peer.name,
            port,
            Command(gunicorn, Path(folder), environment),
            "",
            client_secret,
            refresh_tokens[: peer.connections],
            connections=peer.connections,
            issues_only=True,
        )


def _furnished(command: list[str], environment: Mapping[str, str], peer: _Peer) -> list[str]:
    """The refresh tokens that it says."""
    try:
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, timeout=120, check=True, text=True
        )
    except subprocess.SubprocessError as error:
        raise Unavailable(f"{peer.name} cannot make its database: {error}") from error
    said = json.loads(done.stdout)
    print(f"\n{peer.name} {said['version']}: {peer.settings}")
    refresh_tokens: list[str] = said["refresh_tokens"]
    return refresh_tokens
