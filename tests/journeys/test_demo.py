"""`jotary demo` tells the story from a clone and from the wheel alike, and stops when it is told to."""

import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from jotary.cli import demo as demo_module
from jotary.cli.demonstration import story
from jotary.cli.demonstration.report import Report

if TYPE_CHECKING:
    from jotary.cli.demonstration.player import Player

ROOT = Path(__file__).parents[2]
STEPS = len(story.STORY)


def tell(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    command = [sys.executable, "-c", "from jotary.cli import main; main()", "demo", "--check"]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=110, check=False
    )


def test_the_story_holds_from_a_clone() -> None:
    """Every step as it must be, a line for each, exit code 0, no colour in a pipe."""
    told = tell({})
    assert told.returncode == 0, told.stdout + told.stderr
    lines = told.stdout.splitlines()
    assert [line.split()[1] for line in lines[:STEPS]] == ["ok"] * STEPS
    assert lines[-1] == f"{STEPS} of {STEPS} steps as they must be."
    assert "\x1b" not in told.stdout
    assert not re.search(r"eyJ[\w-]+\.|jrt_|jcs_|jac_", told.stdout), "no secret is shown"


def test_the_story_holds_from_the_wheel(tmp_path: Path) -> None:
    """`pip install 'jotary[demo]' && jotary demo --check`, without the source tree."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    assert (installed / "jotary/_examples/todo/web/static/app.js").is_file()
    told = tell({"PYTHONPATH": str(installed)})
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_step_that_differs_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: a step that differs, and one that breaks, fail the story."""

    def differs(_: "Player") -> Report:
        return Report(sent="a forged token", answered="200", why="", is_as_expected=False)

    def breaks(_: "Player") -> Report:
        raise RuntimeError("the server is gone")

    monkeypatch.setattr(story, "STORY", (("forged", differs), ("broken", breaks)))
    monkeypatch.setattr(demo_module, "STORY", story.STORY)

    @click.command()
    def command() -> None:
        sys.exit(demo_module._tell(None))  # type: ignore[arg-type]  # these steps need no player

    result = CliRunner().invoke(command)
    assert result.exit_code == 1
    assert result.output.count("FAIL") == 2
    assert "0 of 2 steps" in result.output


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(told: signal.Signals) -> None:
    """Ctrl-C or SIGTERM: exit code 0, and nobody listens any more."""
    command = [sys.executable, "-c", "from jotary.cli import main; main()", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = running.stdout.readline()
            assert line, running.communicate()
            said += line
        ports = [int(port) for port in re.findall(r"http://[a-z0-9.]+:(\d+)", said)]
        assert len(ports) == 3
        assert all(_listens(port) for port in ports)
        running.send_signal(told)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (0, "")
    assert re.search(r"ToDo API   http://127.0.0.1:\d+/docs\n", said), "no condition: the page needs no network"
    assert not any(_listens(port) for port in ports)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
