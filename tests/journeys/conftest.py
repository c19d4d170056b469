"""User APIs as processes of their own, with a person and clients made."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jotary.cli.demonstration.cast import Cast, assemble
from jotary.cli.demonstration.player import Player
from jotary.cli.demonstration.stage import Stage
from jotary.oauth.secret import Secret
from jotary.server.model.session import Session
from jotary.server.settings import Settings
from jotary.server.store import open_store

TODO_API = "http://127.0.0.1:8001"
TODO_WEB = "http://localhost:8002"
SECRET = "the secret of the servers in these journeys"


class UserAPI:
    """One database, and server processes on it that are started and killed at will.

    Args:
        stage: where the processes run.
        database: where its people are kept.
        settings: further ones, as environment variables.
    """

    def __init__(self, stage: Stage, database: str, settings: dict[str, str]) -> None:
        self.stage = stage
        self.doors = [stage.open_door(), stage.open_door()]
        self.issuer = f"http://127.0.0.1:{self.doors[0].port}"
        self.settings = Settings(issuer=self.issuer, database=database, secret=Secret(SECRET))
        self.cast: Cast = asyncio.run(assemble(self.settings, todo_api=TODO_API, todo_web=TODO_WEB))
        self.environment = {
            "JOTARY_ISSUER": self.issuer,
            "JOTARY_DATABASE": self.settings.database,
            "JOTARY_SECRET": SECRET,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]),
            **settings,
        }
        self._started = 0
        self.closing = ExitStack()

    def start(self, *, door: int = 0, application: str = "jotary.server.app:from_environment") -> str:
        """Start one more process at one of the two doors, and return its origin."""
        self._started += 1
        self.stage.start(f"user-api-{self._started}", application, door=self.doors[door], environment=self.environment)
        return f"http://127.0.0.1:{self.doors[door].port}"

    def player(self) -> Player:
        """A native client that knows the issuer."""
        player = Player(issuer=self.issuer, todo_api=TODO_API, todo_web=TODO_WEB, cast=self.cast)
        self.closing.enter_context(player).discover()
        return player

    def sessions(self) -> list[Session]:
        """Every session, alive or not, as the database has it."""

        async def read() -> list[Session]:
            store = await open_store(self.settings.database)
            try:
                (user,) = await store.users()
                return list(await store.sessions_of_user(user.id))
            finally:
                await store.close()

        return asyncio.run(read())

    def session(self) -> Session:
        """The one session that there is."""
        (session,) = self.sessions()
        return session


@pytest.fixture
def user_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the people are kept: in a SQLite file, or where a test says that parametrises this indirectly."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{tmp_path / 'users.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def user_api(tmp_path: Path, user_database: str, request: pytest.FixtureRequest) -> Iterator[UserAPI]:
    """A User API of which nothing runs yet; parametrise it indirectly with further settings."""
    with user_apis(tmp_path, user_database, getattr(request, "param", {})) as api:
        yield api


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserAPI]:
    """A User API that runs, for a whole file of tests."""
    folder = tmp_path_factory.mktemp("user-api")
    with user_apis(folder, f"sqlite:///{folder / 'users.db'}", {}) as api:
        api.start()
        yield api


@contextmanager
def user_apis(folder: Path, database: str, settings: dict[str, Any]) -> Iterator[UserAPI]:
    """A stage of its own; `folder` for logs."""
    with Stage(folder) as stage:
        api = UserAPI(stage, database, settings)
        with api.closing:
            yield api
