"""A SQLite file for what writes to one."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from jotary.server.store.sqlite.file import prepare


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with one table."""
    path = str(tmp_path / "jotary.db")
    prepare(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
    return path
