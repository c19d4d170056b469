"""A real Chromium and the whole demonstration, for each test its own."""

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
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
