"""A short coverage-guided run, and a hole that it finds. libFuzzer ends its process: it has its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
TOO_LONG = 240  # seconds; a run takes two or three
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="atheris comes for Linux alone")


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`python -m fuzz coverage`, in a process group that ends with the test, however that ends."""
    command = [sys.executable, "-m", "fuzz", "coverage", "--processes", "1", "--folder", str(folder), *arguments]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "0", "JOTARY_VECTORS": ""}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )
    try:
        return subprocess.CompletedProcess(command, *_outcome(process))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _outcome(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    said, complained = process.communicate(timeout=TOO_LONG)
    return process.returncode, said, complained


@LINUX
def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    """And jotary is really watched: hundreds of its branches are reached."""
    finished = run(tmp_path, "--runs", "2000")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    reached = re.search(r"#(\d+) DONE cov: (\d+)", finished.stdout)
    assert reached is not None
    runs, branches = map(int, reached.groups())
    assert runs >= 2000  # as many, or the seeds if they are more
    assert branches > 700
    assert not list(tmp_path.iterdir())


@LINUX
def test_a_check_that_is_taken_out_is_missed(tmp_path: Path) -> None:
    """RFC 7519 §4.1.1. It is found after some hundred inputs: so many are tried that chance decides nothing."""
    finished = run(tmp_path, "--runs", "60000", "--defect", "any issuer")
    assert finished.returncode == 1, finished.stdout + finished.stderr
    (finding,) = [json.loads(path.read_text()) for path in tmp_path.glob("finding-*.json")]
    assert finding["what"].startswith("accepted")
    assert list(tmp_path.glob("crash-*"))


def test_processes_that_say_much_do_not_wait_for_each_other(fuzz: Callable[[str], ModuleType], tmp_path: Path) -> None:
    """The first ends when the second has said more than a pipe holds, and gives up after ten seconds."""
    there = tmp_path / "there"
    first = (
        f"import pathlib, time; p = pathlib.Path({str(there)!r}); [p.exists() or time.sleep(0.1) for _ in range(100)]"
    )
    second = f"import pathlib, sys; sys.stderr.write('x' * 2_000_000); pathlib.Path({str(there)!r}).touch()"
    commands = [[sys.executable, "-c", code] for code in (f"{first}; raise SystemExit(not p.exists())", second)]
    assert fuzz("__main__").finished(commands) == 0
