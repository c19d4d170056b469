"""A PostgreSQL that cannot be used: each reason is one line with what to do, and no password is in it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer

PASSWORD = "hunter2"

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def jotary(tmp_path: Path) -> Command:
    """Run a command on a database."""

    def run(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JOTARY_")}
        return subprocess.run(
            [Path(sys.executable).with_name("jotary"), *arguments],
            cwd=tmp_path,
            env={**kept, "JOTARY_DATABASE": url, "JOTARY_SECRET": "a secret that is long enough for tests"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that a command said in place of its work."""
    assert done.returncode == 1
    assert PASSWORD not in done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: ")
    return done.stderr


@pytest.fixture
def empty_database(postgresql: "PostgreSQLServer") -> str:
    """The name of one in which only its owner may make anything, and of which `app` is not the owner."""
    name = postgresql.create_database()
    postgresql.run("DROP ROLE IF EXISTS app", f"CREATE ROLE app LOGIN PASSWORD '{PASSWORD}'")
    return name


@pytest.mark.parametrize(
    ("url", "what", "hint"),
    [
        (f"postgresql://app:{PASSWORD}@127.0.0.1:1/jotary", "Connect", "Start it, or mend its host and port"),
        (
            f"postgresql://app:{PASSWORD}@127.0.0.1:1/jotary?sslmode=sometimes",
            "`sslmode` parameter must be",
            "Mend the options",
        ),
        (
            f"postgresql://app:{PASSWORD}@/jotary?host=/nothing",
            "No such file",
            "See whether what the URL names is there",
        ),
        (f"postgresql://app:{PASSWORD}@x@/jotary?host=/nothing", "cannot open", "An @ in a password is written %40"),
        (f"postgresql://app:{PASSWORD}#x@127.0.0.1:1/jotary", "the URL cannot be read", "Percent-encode"),
        (f"postgresql://app:{PASSWORD}/x@127.0.0.1:1/jotary", "the URL cannot be read", "Percent-encode"),
        (f"postgresql://app:[{PASSWORD}@127.0.0.1:1/jotary", "the URL cannot be read", "Percent-encode"),
    ],
    ids=[
        "nobody there",
        "an option that is none",
        "no such file",
        "an at sign",
        "a number sign",
        "a slash",
        "a bracket",
    ],
)
def test_a_url_that_leads_nowhere(jotary: Command, url: str, what: str, hint: str) -> None:
    """Also where a password with characters that were not encoded is taken for a port."""
    said = refused(jotary(url, "db", "upgrade"))
    assert what in said
    assert hint in said


def test_a_database_or_a_person_that_is_not_there(jotary: Command, postgresql: "PostgreSQLServer") -> None:
    """What to make, or to mend."""
    missing = refused(jotary(postgresql.url("nothing"), "db", "upgrade"))
    assert 'database "nothing" does not exist. Make it with CREATE DATABASE' in missing
    nobody = refused(jotary(postgresql.url("postgres", user=f"nobody:{PASSWORD}"), "db", "upgrade"))
    assert 'role "nobody" does not exist. Mend the user or the password' in nobody


def test_a_role_without_rights(jotary: Command, postgresql: "PostgreSQLServer", empty_database: str) -> None:
    """Which rights it lacks, whether there is a schema or not; with those that it names, it reads and writes."""
    url = postgresql.url(empty_database, user=f"app:{PASSWORD}")
    assert "permission denied for schema public. Let the owner" in refused(jotary(url, "db", "upgrade"))
    assert jotary(postgresql.url(empty_database), "db", "upgrade").returncode == 0
    said = refused(jotary(url, "user", "list"))
    assert "permission denied for table alembic_version." in said
    named = re.findall(r"((?:SELECT|USAGE)[A-Z, ]* ON ALL [A-Z]+ IN SCHEMA public)", said)
    postgresql.run(*(f"GRANT {right} TO app" for right in named), database=empty_database)
    assert jotary(url, "user", "list").returncode == 0
    written = jotary(url, "client", "create", "robot", "--type", "service")
    assert written.returncode == 0, written.stderr
    postgresql.run("DROP OWNED BY app", database=empty_database)


def test_a_database_of_a_newer_version(jotary: Command, postgresql: "PostgreSQLServer", empty_database: str) -> None:
    """It is left alone."""
    url = postgresql.url(empty_database)
    jotary(url, "db", "upgrade")
    postgresql.run("UPDATE alembic_version SET version_num = '9999'", database=empty_database)
    assert "a newer version of jotary wrote this database" in refused(jotary(url, "db", "upgrade"))
    assert postgresql.run("SELECT version_num FROM alembic_version", database=empty_database) == "9999"
