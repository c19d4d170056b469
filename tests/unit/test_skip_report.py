"""The pytest plugin that reports tests which did not run (tests/plugins/skip_report.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[1] / "plugins"
SKIPPING = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no Chromium here")
def test_is_skipped():
    pass
"""
EXPECTED_TO_FAIL = """
import pytest

@pytest.mark.xfail(reason="known bug")
def test_fails():
    assert False
"""
PASSING = "def test_runs(): pass"


def run(folder: Path, source: str, *arguments: str, no_skips: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest on `source` with the plugin, in a folder and a process of its own."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_sample.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": str(PLUGINS), "JOTARY_NO_SKIPS": no_skips}
    command = [sys.executable, "-m", "pytest", "-p", "skip_report", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_a_skip_fails_the_run_where_skips_are_forbidden(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """CONTRIBUTING.md, "The two commands": CI skips nothing, in one process or in several."""
    result = run(tmp_path, SKIPPING, *arguments, no_skips="1")
    assert result.returncode == 1
    assert "JOTARY_NO_SKIPS is set" in result.stdout


def test_a_skip_is_allowed_but_loud_elsewhere(tmp_path: Path) -> None:
    """The banner names the reason and stands above the closing line, which stays the last one."""
    result = run(tmp_path, SKIPPING)
    *_, reason, closing = result.stdout.splitlines()
    assert result.returncode == 0
    assert "NOT TESTED: 1 tests did not run" in result.stdout
    assert reason.split() == ["1", "x", "no", "Chromium", "here"]
    assert "1 passed, 1 skipped" in closing


def test_an_expected_failure_counts_as_not_tested(tmp_path: Path) -> None:
    """An xfail hides a rule that does not hold, as a skip does."""
    result = run(tmp_path, EXPECTED_TO_FAIL, no_skips="1")
    assert result.returncode == 1
    assert "1 x known bug" in result.stdout


def test_a_run_without_skips_passes_and_has_no_banner(tmp_path: Path) -> None:
    """Nothing skipped, nothing said."""
    result = run(tmp_path, PASSING, no_skips="1")
    assert result.returncode == 0
    assert "NOT TESTED" not in result.stdout
