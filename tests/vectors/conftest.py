"""Reading published vectors, and saying at the end of the run which sets were run and how many cases each had."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter

_PROPERTY = "published vectors"


class Case:
    """One Wycheproof case with the group that it belongs to."""

    def __init__(self, group: dict[str, Any], case: dict[str, Any]) -> None:
        self.group = group
        self.fields = case
        self.id: int = case["tcId"]
        self.is_valid: bool = case["result"] == "valid"

    def octets(self, name: str) -> bytes:
        """A field that is written in hexadecimal."""
        return bytes.fromhex(self.fields[name])


@pytest.fixture
def wycheproof(vectors: Path) -> Callable[[str], list[Case]]:
    """All cases of a Wycheproof file, which must hold as many as it says."""

    def read(name: str) -> list[Case]:
        document = json.loads((vectors / "wycheproof" / f"{name}.json").read_text(encoding="utf-8"))
        cases = [Case(group, case) for group in document["testGroups"] for case in group["tests"]]
        assert len(cases) == document["numberOfTests"]
        return cases

    return read


@pytest.fixture
def ran(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say which set was run, with the number of cases and what was taken differently than published."""
    return lambda text: record_property(_PROPERTY, text)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print what ``ran`` was told."""
    lines = sorted(_said(terminalreporter))
    if lines:
        terminalreporter.write_sep("-", _PROPERTY)
        for line in lines:
            terminalreporter.write_line(f"  {line}")


def _said(reporter: TerminalReporter) -> Iterator[str]:
    for report in reporter.stats.get("passed", []):
        yield from (str(value) for name, value in report.user_properties if name == _PROPERTY)
