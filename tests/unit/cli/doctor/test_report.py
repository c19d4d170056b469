"""`jotary doctor`: how it says what it found."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.cli.diagnosis import CHECKS

Run = Callable[..., Any]


def test_no_check_ends_in_a_traceback(patient: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised is one line that fails."""

    def fall_ill(_: object) -> Any:
        raise RuntimeError("ill")
        yield

    monkeypatch.setattr("jotary.cli.diagnosis.CHECKS", (("purge", fall_ill), *CHECKS[-1:]))
    outcome = patient("doctor")
    assert (outcome.code, outcome.err) == (1, "")
    assert "FAIL  purge             could not be looked at: internal error: RuntimeError:" in outcome.out
    assert "libraries" in outcome.out


def test_a_missing_library(patient: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line as any other."""
    monkeypatch.setitem(sys.modules, "jotary.cli.diagnosis", None)
    outcome = patient("doctor")
    assert outcome.code == 1
    assert "FAIL  libraries" in outcome.out


def test_eighty_columns_without_colour(patient: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal's width, names on the left and mends below."""
    monkeypatch.setenv("COLUMNS", "80")
    outcome = patient("doctor")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "\x1b" not in outcome.out
    assert "to mend" in outcome.out.splitlines()[-1]


def test_nothing_is_written_and_no_secret_shown(patient: Run) -> None:
    """A server may be running on all of it."""
    names = {"jotary.db", "jotary.secret"}
    before = {name: Path(name).read_bytes() for name in names}
    outcome = patient("doctor")
    assert {name: Path(name).read_bytes() for name in names} == before
    assert Path("jotary.secret").read_text(encoding="utf-8").strip() not in outcome.out
