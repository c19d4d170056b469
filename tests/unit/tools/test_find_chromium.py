"""The search for a browser (tools/find_chromium.py), with programs that stand in for those of other machines."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[3] / "tools" / "find_chromium.py"
WORKS = "#!/bin/sh\necho Chromium 150\n"
BROKEN = "#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 127\n"


def program(folder: Path, name: str, text: str) -> Path:
    """A program called `name`."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def find(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the search where only the programs in `folder` are there, and where nothing can be downloaded."""
    nowhere = {"PATH": str(folder), "HOME": str(folder), "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9"}
    command = [sys.executable, str(SCRIPT)]
    return subprocess.run(command, env={**nowhere, **environment}, capture_output=True, text=True, check=False)


@pytest.fixture
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("find_chromium", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_browser_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    """Ubuntu's /usr/bin/chromium-browser only says that one should install a snap."""
    program(tmp_path, "chromium", BROKEN)
    works = program(tmp_path, "google-chrome", WORKS)
    result = find(tmp_path)
    assert (result.returncode, result.stdout) == (0, f"{works}\n")


def test_the_browser_that_was_named_comes_first(tmp_path: Path) -> None:
    """JOTARY_CHROMIUM is a choice."""
    program(tmp_path, "chromium", WORKS)
    chosen = program(tmp_path, "my-browser", WORKS)
    assert find(tmp_path, JOTARY_CHROMIUM=str(chosen)).stdout == f"{chosen}\n"


def test_a_named_browser_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    """Another one in its place would not be what was asked for."""
    program(tmp_path, "chromium", WORKS)
    result = find(tmp_path, JOTARY_CHROMIUM=str(tmp_path / "typo"))
    assert (result.returncode, result.stdout) == (1, "")
    assert "does not start" in result.stderr


def test_without_a_browser_the_tests_go_on_and_the_reader_is_told(tmp_path: Path) -> None:
    """CONTRIBUTING.md, "Set up": it says loudly what is skipped. CI fails later, over the skips."""
    result = find(tmp_path)
    assert (result.returncode, result.stdout) == (0, "")
    assert "THE BROWSER TESTS WILL BE SKIPPED" in result.stderr


@pytest.mark.parametrize(("user_id", "found"), [(0, True), (1000, False)], ids=["root", "another user"])
def test_only_root_installs_a_package(
    user_id: int, found: bool, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For anybody else apt-get would fail, after it had asked for a password."""
    package = program(tmp_path, "in-the-archive", WORKS)
    program(tmp_path, "apt-get", f'#!/bin/sh\ncase "$*" in *install*) /bin/mv {package} {tmp_path}/chromium;; esac\n')
    monkeypatch.setattr(os, "geteuid", lambda: user_id)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (script.from_packages() is not None) is found
