"""The wheel that users install holds all that the programs need, and nothing else."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built as a release builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_every_file_of_the_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Templates, styles and migrations are forgotten more easily than modules."""
    files = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert {path.relative_to(ROOT / "src").as_posix() for path in files} - set(wheel.namelist()) == set()


def test_the_example_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """`pip install 'jotary[demo]' && jotary demo` works without a clone."""
    examples = {path.relative_to(ROOT / "examples").as_posix() for path in (ROOT / "examples/todo").rglob("*.py")}
    assert examples
    assert {f"jotary/_examples/{name}" for name in examples} <= set(wheel.namelist())


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """A top-level `tests` or `examples` would land in every user's site-packages."""
    assert {name.partition("/")[0].partition("-")[0] for name in wheel.namelist()} == {"jotary"}


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    """Typed (PEP 561), licensed (PEP 639), with the `jotary` command."""
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    folder = metadata.removesuffix("METADATA")
    fields = Parser().parsestr(wheel.read(metadata).decode())
    assert fields["License-Expression"] == "Apache-2.0"
    assert fields["Requires-Python"] == ">=3.11"
    assert {"jotary/py.typed", f"{folder}licenses/LICENSE"} <= set(wheel.namelist())
    assert "jotary = jotary.cli:main" in wheel.read(f"{folder}entry_points.txt").decode()


def test_the_wheel_can_be_imported_from_where_it_was_installed(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Not the source tree: a module that was left out is missing here."""
    wheel.extractall(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import jotary.jose, jotary.tokens; print(jotary.__file__)"
    command = [sys.executable, "-I", "-c", code, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert Path(result.stdout.strip()).is_relative_to(tmp_path)
