"""A short coverage-guided run, and a hole that it finds. libFuzzer ends its process: it has its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="atheris comes for Linux alone")


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`python -m fuzz coverage`."""
    command = [sys.executable, "-m", "fuzz", "coverage", "--processes", "1", "--folder", str(folder), *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@LINUX
def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """And jotary is really watched: hundreds of its branches are reached."""
    finished = run(tmp_path, "--runs", "4000")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    reached = re.search(r"#4000 DONE cov: (\d+)", finished.stdout)
    assert reached is not None
    assert int(reached[1]) > 700
    assert not list(tmp_path.iterdir())


@LINUX
def test_a_check_that_is_taken_out_is_missed(tmp_path: Path) -> None:
    """RFC 7519 §4.1.1; the finding is written with its keys, and beside it libFuzzer's own input."""
    finished = run(tmp_path, "--runs", "20000", "--defect", "any issuer")
    assert finished.returncode == 1, finished.stdout
    (finding,) = [json.loads(path.read_text()) for path in tmp_path.glob("finding-*.json")]
    assert finding["what"].startswith("accepted")
    assert list(tmp_path.glob("crash-*"))
