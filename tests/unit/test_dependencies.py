"""What may be imported from outside: each package what it needs, and a resource server two libraries."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "jotary"
CORE = {"cryptography", "msgspec"}
LIGHT = ("jose", "oauth", "tokens", "verifier")

# Refuses every library that `pip install jotary` does not bring, then imports what is named on the command line.
IMPORT_WITH_CORE_ONLY = """
import sys

class Refuse:
    allowed = {"jotary", "cryptography", "msgspec", "cffi", "_cffi_backend", "pycparser"} | sys.stdlib_module_names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.allowed:
            raise ImportError(name + " is not installed")

sys.meta_path.insert(0, Refuse())
for name in sys.argv[1:]:
    __import__(name)
"""


def third_party_imports(path: Path) -> Iterator[str]:
    """The top-level names outside the standard library that a file imports, at its head or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [node.module or ""]
        else:
            continue
        tops = {module.partition(".")[0] for module in modules}
        yield from tops - {"jotary"} - sys.stdlib_module_names


def declared() -> set[str]:
    """The distributions that pyproject.toml names, for the core and all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("package", LIGHT)
def test_a_resource_server_needs_two_libraries(package: str) -> None:
    """docs/architecture.md, "Directions": verifying installs cryptography and msgspec, and no web framework."""
    files = (PACKAGE / package).rglob("*.py")
    assert {name for path in files for name in third_party_imports(path)} <= CORE


def test_verifying_works_where_only_the_core_is_installed() -> None:
    """The same, seen from outside: nothing on the way of the imports asks for more."""
    modules = ["jotary", *(f"jotary.{package}" for package in LIGHT)]
    command = [sys.executable, "-I", "-c", IMPORT_WITH_CORE_ONLY, *modules]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_library_that_is_not_of_the_core_is_refused() -> None:
    """The check above, shown what it must find."""
    command = [sys.executable, "-I", "-c", IMPORT_WITH_CORE_ONLY, "starlette"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "starlette is not installed" in result.stderr


def test_every_library_is_declared() -> None:
    """An import that only a development machine can satisfy breaks at a user's."""
    distributions = packages_distributions()
    imported = {name for path in PACKAGE.rglob("*.py") for name in third_party_imports(path)}
    owners = {name: {canonicalize_name(owner) for owner in distributions.get(name, [])} for name in imported}
    assert {name for name, owned_by in owners.items() if not owned_by & declared()} == set()


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """The reading of imports, shown what it must find and what not."""
    path = tmp_path / "sample.py"
    path.write_text("import os, sqlalchemy.orm\nfrom jotary import jose\ndef f():\n    from httpx2 import Client\n")
    assert set(third_party_imports(path)) == {"sqlalchemy", "httpx2"}
