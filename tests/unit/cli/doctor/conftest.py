"""A deployment to be broken, and the verdict about one part of it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.oauth.secret import Secret
from jotary.server.app import prepare
from jotary.server.settings import Settings

Run = Callable[..., Any]


@pytest.fixture
def patient(run: Run) -> Run:
    """The command line beside a server that was started once: its keys are there."""
    secret = Secret(Path("jotary.secret").read_text(encoding="utf-8").strip())
    asyncio.run(prepare(Settings(database="sqlite:///jotary.db", secret=secret)))
    assert (
        run("user", "create", "ada@example.com", "--admin", "--password-stdin", stdin="a long enough one\n").code == 0
    )
    return run


@pytest.fixture
def verdict(patient: Run) -> Callable[[str], tuple[str, str, str | None]]:
    """Verdict, found and mend of one finding."""

    def verdict(name: str) -> tuple[str, str, str | None]:
        outcome = patient("doctor", "--json")
        assert outcome.err == ""
        findings = json.loads(outcome.out[outcome.out.index("[\n") :])  # behind the log of a server beside it
        assert outcome.code == any(finding["verdict"] == "fail" for finding in findings)
        found = {finding["name"]: finding for finding in findings}[name]
        return found["verdict"], found["found"], found["mend"]

    return verdict


@pytest.fixture
def configure(patient: Run) -> Callable[[str], None]:
    """Write the configuration file."""

    def configure(text: str) -> None:
        Path("jotary.toml").write_text(text, encoding="utf-8")

    return configure
