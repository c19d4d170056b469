"""`jotary doctor`: how it says what it found."""

import json
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


def test_a_folder_without_a_server_is_told_and_left_as_it_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks in the wrong folder makes no secret there."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    outcome = run("doctor")
    assert outcome.code == 1
    assert "secret: is not in" in outcome.out
    assert "Go to the server's folder, or name its --config." in " ".join(outcome.out.replace("|", " ").split())
    assert list(empty.iterdir()) == []


def test_a_lost_database_is_one_finding_and_not_one_for_each_check(run: Run) -> None:
    """The others say that they could not look."""
    Path("jotary.db").unlink()
    findings = {finding["name"]: finding for finding in json.loads(run("doctor", "--json").out)}
    about_it = {name for name, finding in findings.items() if "jotary.db" in finding["found"]}
    assert (about_it, findings["database"]["verdict"]) == ({"database"}, "fail")
    unseen = "secret, key stamps, signing keys, external key, people and clients, purge"
    assert (findings["not looked at"]["verdict"], findings["not looked at"]["found"]) == ("fail", unseen)
