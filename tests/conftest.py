"""Fixtures that every folder of tests shares."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import uvicorn
from hypothesis import settings
from starlette.types import ASGIApp

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer

pytest_plugins = ["postgresql_server", "postgresql_tls"]

# How long an example takes depends on the machine; `timeout` in pyproject.toml is for what hangs.
settings.register_profile("jotary", deadline=None)
settings.load_profile("jotary")

# Read when a test first asks Django for one (tests/plugins/django_settings.py).
os.environ["DJANGO_SETTINGS_MODULE"] = "django_settings"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published test vectors: ``JOTARY_VECTORS``, or ``shared/vectors`` beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "vectors"
    folder = Path(os.environ.get("JOTARY_VECTORS", default))
    if not folder.is_dir():
        pytest.skip(f"no published vectors at {folder}: set JOTARY_VECTORS")
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind in which there is nothing at all."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    server: PostgreSQLServer = request.getfixturevalue("postgresql")
    return server.url(server.create_database())


class Door:
    """A loopback port that is open already, so that its origin is known before there is an application."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self.socket.getsockname()[1]}"


@pytest.fixture
def open_door() -> Iterator[Callable[[], Door]]:
    """Opens a port; it is closed after the test."""
    with ExitStack() as closing:

        def open_door() -> Door:
            door = Door()
            closing.callback(door.socket.close)
            return door

        yield open_door


@pytest.fixture
def serve() -> Iterator[Callable[[Door, ASGIApp], None]]:
    """Serves an application at a door to the end of the test, on a thread and an event loop of its own."""
    running: list[tuple[uvicorn.Server, Thread]] = []

    def serve(door: Door, app: ASGIApp) -> None:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, log_level="warning", ws="none", timeout_graceful_shutdown=1)
        )
        thread = Thread(target=server.run, kwargs={"sockets": [door.socket]})
        thread.start()
        running.append((server, thread))

    yield serve
    for server, _ in running:  # all are told before one is waited for
        server.should_exit = True
    for _, thread in running:
        thread.join()
