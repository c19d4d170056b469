"""`jotary backup`: what it leaves in the audit trail."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jotary.cli.operating_system_user import operating_system_user

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer

Run = Callable[..., Any]


@pytest.fixture
def key(run: Run) -> str:
    """The file of a key."""
    assert run("backup", "--new-key", "backup.key").code == 0
    return "backup.key"


def events(run: Run) -> list[dict[str, Any]]:
    """Those of backups."""
    return [json.loads(line) for line in run("audit", "list", "--kind", "backup.written", "--json").out.splitlines()]


def test_who_wrote_a_backup_and_where_to_is_in_the_trail(run: Run, key: str) -> None:
    """With its whole path, and nothing of the key; --check writes none."""
    made = run("backup", "nightly.jotary", "--key-file", key, "--json").json()
    (event,) = events(run)
    assert event["actor"] == operating_system_user()
    assert event["detail"] == {
        "file": str(Path("nightly.jotary").absolute()),
        "bytes": made["bytes"],
        "made_at": made["made_at"],
    }
    assert run("backup", "nightly.jotary", "--check", "--key-file", key).code == 0
    assert len(events(run)) == 1
    secret = Path(key).read_text(encoding="utf-8").strip()
    assert not any(word in json.dumps(event) for word in secret.split())


def test_a_backup_that_failed_is_not_in_the_trail(run: Run, key: str) -> None:
    """Nothing was copied."""
    Path("nightly.jotary").touch()
    assert run("backup", "nightly.jotary", "--key-file", key).code == 1
    assert events(run) == []


def test_a_file_that_takes_no_writes_is_backed_up_all_the_same(run: Run, key: str) -> None:
    """It needs it most. Here every append to the trail fails."""
    with closing(sqlite3.connect("jotary.db", isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'full'); END")
    outcome = run("backup", "nightly.jotary", "--key-file", key)
    assert outcome.code == 0
    assert outcome.err.startswith("Warning: the audit trail does not say so: ")
    assert run("backup", "nightly.jotary", "--check", "--key-file", key).code == 0


@pytest.fixture
def read_only(postgresql: "PostgreSQLServer", postgresql_url: str) -> Iterator[str]:
    """A PostgreSQL that takes no writes."""
    name = postgresql.run("SELECT current_database()", database=postgresql_url.partition("@/")[2].partition("?")[0])
    postgresql.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    yield postgresql_url
    postgresql.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def test_a_postgresql_that_takes_no_writes_is_backed_up_all_the_same(
    run: Run, key: str, read_only: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a standby, from which backups are made."""
    monkeypatch.setenv("JOTARY_DATABASE", read_only)
    outcome = run("backup", "nightly.jotary", "--key-file", key)
    assert outcome.code == 0
    assert "read-only transaction" in outcome.err
    assert run("backup", "nightly.jotary", "--check", "--key-file", key).code == 0
