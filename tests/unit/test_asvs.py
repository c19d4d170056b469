"""docs/asvs.md is complete and true: every requirement once, and behind every "met" a test that there is."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
#: Number and level of every requirement of the four chapters, as version 5.0.0 has them.
REQUIREMENTS: dict[str, int] = msgspec.json.decode((Path(__file__).parent / "asvs_5_0_0.json").read_bytes())
VERDICTS = ("met", "not met", "the operator's", "not applicable")
TEST = re.compile(r"`([^`]+\.py::[^`]+)`")


class Row(NamedTuple):
    """One row of the tables."""

    number: str
    level: int
    asks: str
    verdict: str
    why: str
    tests: tuple[str, ...]


def rows(page: str) -> list[Row]:
    """Every row that begins with a requirement's number."""
    found = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"\d+\.\d+\.\d+", cells[0]):
            number, level, asks, verdict, why, tests = cells
            found.append(Row(number, int(level), asks, verdict, why, tuple(TEST.findall(tests))))
    return found


@cache
def names_in(path: Path) -> frozenset[str]:
    """The names of a file's test functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def is_there(test: str) -> bool:
    """Whether `path::name`, below tests/, names a test function."""
    path, _, name = test.partition("::")
    file = ROOT / "tests" / path
    return file.is_file() and name in names_in(file)


ROWS = rows(PAGE)


def test_every_requirement_stands_there_once_and_in_order() -> None:
    """With the level that the standard gives it."""
    assert [(row.number, row.level) for row in ROWS] == list(REQUIREMENTS.items())


def test_a_verdict_has_its_reason() -> None:
    """One of four; what is not met says what is needed or why not, and the rest says whose it is."""
    assert [row for row in ROWS if row.verdict not in VERDICTS or not row.asks] == []
    assert [row for row in ROWS if not row.why and row.verdict != "met"] == []


def test_what_is_met_is_shown_by_tests_that_exist() -> None:
    """A test that was renamed or removed turns this red."""
    assert [test for row in ROWS for test in row.tests if not is_there(test)] == []
    assert [row for row in ROWS if row.verdict == "met" and not row.tests] == []


def test_the_summary_counts_the_rows() -> None:
    """The first thing that is read."""
    for chapter in {number.split(".")[0] for number in REQUIREMENTS}:
        counted = Counter(row.verdict for row in ROWS if row.number.split(".")[0] == chapter)
        (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| V{chapter} "))
        cells = [int(cell) for cell in line.strip("|").split("|")[1:]]
        assert cells == [*(counted[verdict] for verdict in VERDICTS), counted.total()]


@pytest.mark.parametrize(
    "test", ["unit/test_asvs.py::test_of_nothing", "unit/nowhere.py::test_it", "unit/test_asvs.py"]
)
def test_a_test_that_is_not_there_is_found(test: str) -> None:
    """The rule above, shown what it must find."""
    assert not is_there(test)
