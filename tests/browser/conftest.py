"""A real Chromium and the whole demonstration, for each test its own."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from jotary.cli.demonstration.production import Production, put_on
from jotary.cli.demonstration.stage import Stage

#: Seconds that access tokens live: short, so that they expire while people work.
LIFETIME = 2

_ARGUMENTS = [
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser that `JOTARY_CHROMIUM` names, or that is on the path.

    For one file: while it lives, its event loop runs in this thread, where other tests want to run theirs.
    """
    found = os.environ.get("JOTARY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium here: set JOTARY_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield browser
        browser.close()


Serve = Callable[[Any], None]
Port = Callable[[], tuple[str, Serve]]


@pytest.fixture(scope="module")
def port() -> Iterator[Port]:
    """Takes a free port of this machine: its origin, and what serves an application there until the file is done."""
    with ExitStack() as stack:

        def port() -> tuple[str, Serve]:
            listener = socket.socket()
            listener.bind(("127.0.0.1", 0))
            origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            return origin, lambda app: stack.enter_context(_serving(app, listener))

        yield port


@contextmanager
def _serving(app: Any, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    yield
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Production]:
    """User API, ToDo API and ToDo web; parametrise it indirectly with another lifetime of access tokens."""
    lifetime: int = getattr(request, "param", LIFETIME)
    folder: Path = tmp_path_factory.mktemp("demonstration")
    with Stage(folder) as stage:
        # In a thread of its own: Playwright's event loop runs in this one.
        with ThreadPoolExecutor(1) as thread:
            started = thread.submit(put_on, stage, folder, access_token_lifetime=lifetime, leeway=0)
        yield started.result()
