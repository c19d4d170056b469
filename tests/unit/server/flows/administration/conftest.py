"""A real database, and a clock that stands still."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from jotary.oauth.secret import Secret
from jotary.server.model.changes import AddClient, AddSession, AddSignIn, AddUser, Change
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.passwords import HashingPool
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store

Answer = TypeVar("Answer")


class Office:
    """A store with a person who is signed in through a client."""

    now = 1_800_000_000
    settings = Settings(secret=Secret("0123456789abcdef0123456789abcdef"))
    cut_off_until = now + settings.access_token_lifetime + 300  # flows/cut_off.py

    def __init__(self, runner: asyncio.Runner, store: Store) -> None:
        self.runner = runner
        self.store = store
        self.user = User(id="ada", email="Ada@example.com", name="Ada", created_at=self.now)
        self.client = Client(
            id="web",
            name="Web",
            type="web",
            token_endpoint_auth_method="client_secret_basic",
            secret_sha256=Secret("old").sha256(),
            created_at=self.now,
        )
        self.sign_in = SignIn(
            id="browser",
            user_id="ada",
            authenticated_at=self.now,
            methods=("pwd",),
            last_seen_at=self.now,
            expires_at=self.now + 3600,
        )
        self.write(AddUser(self.user), AddClient(self.client), AddSignIn(self.sign_in))
        self.session = self.open_session("session")

    def open_session(self, session_id: str) -> Session:
        """Another session of the person through the client."""
        session = Session(
            id=session_id,
            user_id="ada",
            client_id="web",
            sign_in_id="browser",
            scopes=("openid",),
            resources=(),
            authenticated_at=self.now,
            created_at=self.now,
            rotated_at=self.now,
            idle_expires_at=self.now + 3600,
            expires_at=self.now + 3600,
        )
        self.write(AddSession(session))
        return session

    @staticmethod
    def entropy(size: int) -> bytes:
        """Real randomness."""
        return secrets.token_bytes(size)

    def run(self, coroutine: Coroutine[Any, Any, Answer]) -> Answer:
        """Run one call to its end."""
        return self.runner.run(coroutine)

    def write(self, *changes: Change) -> None:
        """Commit changes."""
        self.run(self.store.commit(*changes))

    def trail(self) -> list[Event]:
        """The audit trail."""
        return list(self.run(self.store.events()))

    def cut_offs(self) -> list[tuple[str, str, int, int]]:
        """(kind, value, issued before, stands until) of every cut-off."""
        found = self.run(self.store.revocations(now=self.now))
        return [(each.kind, each.value, each.issued_before, each.expires_at) for each in found]

    def everything_of_ada(self, *sessions: str) -> list[tuple[str, str, int, int]]:
        """The cut-offs when all that Ada has open ends: of her up to now, of each session whatever its tokens say."""
        until = self.cut_off_until
        alive = [("sid", session, until, until) for session in sessions or ("session",)]
        return [*alive, ("sub", "ada", self.now, until)]

    def is_session_alive(self, session_id: str = "session") -> bool:
        """Whether a session may still be used."""
        session = self.run(self.store.session(session_id))
        return session is not None and session.is_alive(self.now)

    def is_signed_in(self) -> bool:
        """Whether the browser is signed in."""
        sign_in = self.run(self.store.sign_in("browser"))
        return sign_in is not None and sign_in.is_alive(self.now, idle_lifetime=3600)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A fresh SQLite file."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(f"sqlite:///{tmp_path}/jotary.db"))
        yield Office(runner, store)
        runner.run(store.close())


@pytest.fixture
def hasher() -> Iterator[HashingPool]:
    """Argon2id as in service."""
    pool = HashingPool(workers=1)
    yield pool
    pool.close()
