"""The command line in this process, in a folder of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from jotary.cli.group import jotary


class Outcome(NamedTuple):
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The output of a command that succeeded, as JSON."""
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)


Run = Callable[..., Outcome]


def invoke(*arguments: str, stdin: str | bytes = "") -> Outcome:
    """Run `jotary` with these arguments."""
    result = CliRunner(catch_exceptions=False).invoke(jotary, arguments, input=stdin)
    return Outcome(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database and a secret: making them takes longer than most commands."""
    folder = tmp_path_factory.mktemp("fresh")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        assert invoke("client", "list").code == 0
    return folder


@pytest.fixture
def run_in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `jotary` where nothing is, `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    return invoke


@pytest.fixture
def run(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `jotary` in a folder with an empty database and a secret."""
    shutil.copytree(fresh, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "JOTARY_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return invoke
