"""The code on docs/protect-an-api.md, run as it stands there and asked for what the page promises."""

import asyncio
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import Mock

import pytest

from jotary.testing import TestIssuer
from jotary.verifier.fetch import Fetched, FetchError

PAGE = Path(__file__).parents[2] / "docs" / "protect-an-api.md"
SECTIONS = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
ISSUER = TestIssuer("https://id.example.com", audience="https://todo.example.com")

Run = Callable[[str], dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the one block of a section. The keys that it would fetch over the network are those of a test issuer."""
    monkeypatch.setattr("jotary.verifier.verifier.fetch_keys", lambda *_: Fetched(keys=ISSUER.keys, max_age=None))

    def run(title: str) -> dict[str, Any]:
        sections = {match["title"]: match["text"] for match in SECTIONS.finditer(PAGE.read_text(encoding="utf-8"))}
        (code,) = BLOCK.findall(sections[title])
        module = ModuleType("example")
        monkeypatch.setitem(sys.modules, "example", module)  # where Litestar looks for the names of annotations
        exec(compile(code, str(PAGE), "exec"), module.__dict__)  # noqa: S102 -- our own documentation
        return module.__dict__

    return run


def test_the_example_without_a_framework(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its three answers."""
    names = run("Without a framework")
    assert names["who"](ISSUER.token("ada")).subject == "ada"
    assert names["who"](ISSUER.token(lifetime=-60)).startswith("401, because of exp: ")
    assert asyncio.run(names["verifier"].averify(ISSUER.token("eve"))).subject == "eve"

    down = FetchError("down")
    monkeypatch.setattr("jotary.verifier.verifier.fetch_keys", Mock(side_effect=down))
    assert run("Without a framework")["who"](ISSUER.token()) == "503, try again in 1 seconds"


def test_the_example_of_another_policy(run: Run) -> None:
    """It is accepted."""
    verifier = run("Keys, and outages of the issuer")["verifier"]
    assert verifier.verify(ISSUER.token("ada")).subject == "ada"


def test_the_example_of_tests(run: Run) -> None:
    """Its assertions are the test."""
    assert run("Test your API")["issuer"].audience == "https://todo.example.com"
