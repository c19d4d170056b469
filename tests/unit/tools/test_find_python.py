"""The search for a Python that can make virtual environments (tools/find_python.sh)."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "tools" / "find_python.sh"
# What the three questions of the script (new enough? makes environments? which version?) come to on other machines.
GOOD = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
TOO_OLD = '#!/bin/sh\ncase "$*" in *version_info*) exit 1;; --version) echo Python 3.9.2;; esac\n'
WITHOUT_ENSUREPIP = f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"\n'


def find(folder: Path, chosen: str = "", **programs: str) -> subprocess.CompletedProcess[str]:
    """Run the search where only these programs are on the PATH; the name `python3_14` means python3.14."""
    for name, text in programs.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        path.chmod(0o755)
    environment = {"PATH": str(folder), "PYTHON": chosen}
    return subprocess.run(["/bin/sh", str(SCRIPT)], env=environment, capture_output=True, text=True, check=False)


def test_the_newest_is_taken(tmp_path: Path) -> None:
    """A name with a version is asked before plain python3, the newest first."""
    result = find(tmp_path, python3=GOOD, python3_11=GOOD, python3_13=GOOD)
    assert (result.returncode, result.stdout) == (0, f"{tmp_path}/python3.13\n")


def test_one_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    """pyproject.toml, requires-python."""
    assert find(tmp_path, python3=TOO_OLD, python3_12=GOOD).stdout == f"{tmp_path}/python3.12\n"


def test_one_that_cannot_make_environments_is_passed_over(tmp_path: Path) -> None:
    """Debian has ensurepip in a package of its own."""
    assert find(tmp_path, python3_13=WITHOUT_ENSUREPIP, python3_11=GOOD).stdout == f"{tmp_path}/python3.11\n"


def test_the_one_that_was_named_is_the_only_one_asked(tmp_path: Path) -> None:
    """`make PYTHON=...` is a choice, and another one in its place would not be what was asked for."""
    old = tmp_path / "old"
    old.write_text(TOO_OLD)
    old.chmod(0o755)
    result = find(tmp_path, chosen=str(old), python3=GOOD)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"found none at PYTHON={old}" in result.stderr


@pytest.mark.parametrize(
    ("programs", "message"),
    [
        ({}, "Found: no python3 on the PATH"),
        ({"python3": TOO_OLD}, "Found: Python 3.9.2"),
        ({"python3": WITHOUT_ENSUREPIP}, "apt-get install python{version}-venv"),
    ],
    ids=["none", "too old", "without ensurepip"],
)
def test_what_is_missing_is_said(tmp_path: Path, programs: dict[str, str], message: str) -> None:
    """A newcomer's first command must not end in a traceback."""
    result = find(tmp_path, **programs)
    assert (result.returncode, result.stdout) == (1, "")
    assert message.format(version=".".join(map(str, sys.version_info[:2]))) in result.stderr
    assert "make PYTHON=" in result.stderr
