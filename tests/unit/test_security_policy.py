"""SECURITY.md names the tests behind each guarantee, and they are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
POLICY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
GUARANTEES = POLICY.partition("## What is guaranteed")[2].partition("\n## ")[0]


def promised() -> list[str]:
    """The bold beginning of each guarantee."""
    found = re.findall(r"^- \*\*(.+?)\*\*", GUARANTEES, re.MULTILINE | re.DOTALL)
    return [" ".join(words.split()).rstrip(".,") for words in found]


def shown() -> dict[str, list[str]]:
    """The rows of the table: guarantee, and its test files."""
    rows = re.findall(r"^\| ([^|]+) \| (`.+`) \|$", GUARANTEES, re.MULTILINE)
    return {guarantee: re.findall(r"`([^`]+)`", files) for guarantee, files in rows}


def has_tests(path: Path) -> bool:
    """Whether a file is there and holds a test."""
    if not path.is_file():
        return False
    return any(getattr(node, "name", "").startswith("test_") for node in ast.walk(ast.parse(path.read_text())))


def test_every_guarantee_has_its_row() -> None:
    """In words that are the same, and each once."""
    assert len(promised()) > 15
    assert sorted(promised()) == sorted(shown())


def test_every_file_that_is_named_holds_tests() -> None:
    """One that was moved or removed takes the guarantee with it."""
    named = {file for files in shown().values() for file in files}
    assert [file for file in sorted(named) if not has_tests(ROOT / "tests" / file)] == []


def test_a_file_without_tests_is_found() -> None:
    """The rule above, shown what it must find."""
    assert not has_tests(ROOT / "tests" / "conftest.py")
    assert not has_tests(ROOT / "tests" / "nowhere.py")
