"""Database URLs."""

import sys
from pathlib import Path

import pytest

from jotary.server.settings import SettingsError
from jotary.server.settings.database import check_database, relative_to, sqlite_file, without_password


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///jotary.db", Path("jotary.db")),
        ("sqlite:////var/lib/jotary.db", Path("/var/lib/jotary.db")),
        ("sqlite:///:memory:", None),
        ("postgresql://localhost/jotary", None),
    ],
)
def test_sqlite_lies_in_a_file(url: str, file: Path | None) -> None:
    """Three slashes for a relative path, four for an absolute one."""
    assert sqlite_file(url) == file


def test_a_relative_path_is_made_absolute() -> None:
    """Every command must find the same file, wherever it is started."""
    assert relative_to(Path("/etc/jotary"), "sqlite:///data/jotary.db") == "sqlite:////etc/jotary/data/jotary.db"
    assert relative_to(Path("/etc"), "sqlite:////var/jotary.db") == "sqlite:////var/jotary.db"
    assert relative_to(Path("/etc"), "postgresql://localhost/jotary") == "postgresql://localhost/jotary"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://jotary:hunter2@db:5432/jotary", "postgresql://jotary@db:5432/jotary"),
        ("postgresql://jotary:hunt@er2@db/jotary", "postgresql://jotary@db/jotary"),
        ("postgresql://db/jotary?password=hunter2", "postgresql://db/jotary"),
        ("postgresql://jotary:hunt/er2@db/jotary", "postgresql://…"),
        ("postgresql://jotary:hunt?er2@db/jotary", "postgresql://…"),
        ("postgresql://jotary:hunt#er2@db/jotary", "postgresql://…"),
        ("postgresql://jotary:hun@t#er2@db/jotary", "postgresql://…"),
        ("postgresql://jotary:[hunter2@db/jotary", "postgresql://…"),
        ("postgresql://jotary@db/jotary#hunter2", "postgresql://jotary@db/jotary"),
        ("sqlite:////var/lib/jotary.db", "sqlite:////var/lib/jotary.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """`jotary serve` prints where the database is."""
    assert without_password(url) == shown


@pytest.mark.parametrize("url", ["postgresql://db/jotary", "postgres://db/jotary", "postgresql:///jotary?host=/run"])
def test_postgresql_goes_by_both_of_its_schemes(url: str) -> None:
    """As libpq reads them."""
    check_database(url)


@pytest.mark.parametrize("missing", ["asyncpg", "greenlet"])
def test_a_database_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Found out before anything is made, such as a secret."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError) as refusal:
        check_database("postgresql://db/jotary")
    assert refusal.value.hint == "Install it with: pip install 'jotary[postgres]'"
    check_database("sqlite:///jotary.db")
