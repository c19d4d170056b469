"""`python -m fuzz`, which is no part of the distribution: it is found from the repository's root alone."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jotary.jose import header

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def fuzz() -> Iterator[Callable[[str], ModuleType]]:
    """Import a module of the fuzzer."""
    sys.path.insert(0, str(ROOT))
    yield lambda name: importlib.import_module(f"fuzz.{name}")
    sys.path.remove(str(ROOT))


@pytest.fixture(scope="session")
def keys(fuzz: Callable[[str], ModuleType]) -> Any:
    """The keys of a run."""
    return fuzz("keys").Keys.generate()


@pytest.fixture(scope="session")
def campaign(fuzz: Callable[[str], ModuleType], keys: Any) -> Any:
    """What fires tokens in this process."""
    return fuzz("campaign").Campaign(keys)


@pytest.fixture
def fresh_headers() -> Iterator[None]:
    """No header is remembered that only a hole let in."""
    header.remembered.clear()
    yield
    header.remembered.clear()
