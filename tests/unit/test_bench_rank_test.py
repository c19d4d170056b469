"""The rank test of the measurements finds what there is, and no more."""

import importlib
import random
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def rank(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the measurements, found from the repository's root alone."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("bench.rank_test")


def test_it_reckons_as_the_textbook_does(rank: ModuleType) -> None:
    """Mann and Whitney 1947: U by counting pairs, ties for a half."""
    first, second = [1.0, 2.0, 2.0, 4.0], [2.0, 3.0, 5.0]
    pairs = [(b > a) + (b == a) / 2 for a in first for b in second]
    assert rank.rank_test(first, second).larger == sum(pairs) / len(pairs)


def test_the_same_distribution_is_found_the_same_and_a_shift_is_found(rank: ModuleType) -> None:
    """With the numbers of a real run: five hundred each, and a shift of a tenth of a deviation or none."""
    lot = random.Random(7)  # noqa: S311 -- the same numbers in every run
    found = [rank.rank_test(*[[lot.gauss() for _ in range(500)] for _ in range(2)]).p for _ in range(200)]
    assert sum(p < 0.05 for p in found) in range(2, 20)
    shifted = rank.rank_test([lot.gauss() for _ in range(2000)], [lot.gauss() + 0.3 for _ in range(2000)])
    assert shifted.p < 0.001
    assert shifted.larger > 0.55


def test_where_all_are_equal_there_is_no_difference(rank: ModuleType) -> None:
    """No variance, no division by it."""
    assert rank.rank_test([1.0] * 5, [1.0] * 5) == rank.RankTest(larger=0.5, p=1.0)
