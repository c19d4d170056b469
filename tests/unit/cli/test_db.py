"""`jotary db`."""

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jotary.jose import Key, strict_json
from jotary.oauth.secret import Secret
from jotary.server.keyring import make_sealer
from jotary.server.settings import Settings
from jotary.server.store.backends import backend
from jotary.server.store.migrations import HEAD

Run = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of each kind in which there is nothing, as the settings name it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'new.db'}"
    else:
        server = request.getfixturevalue("postgresql")
        url = server.url(server.create_database())
    monkeypatch.setenv("JOTARY_DATABASE", url)
    return url


on_each_database = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@on_each_database
def test_a_schema_is_missing_then_made_then_current(run: Run, database: str) -> None:
    """Each command says where the schema stands; `check` says it with its exit code, too."""
    missing = run("db", "check")
    assert (missing.code, missing.err) == (1, "Error: There is no schema yet. Make it with: jotary db upgrade\n")
    assert run("db", "current", "--json").json()["schema"] == "missing"
    made = {"database": database.partition("?")[0], "schema": "current", "revision": HEAD, "needed": HEAD}
    for command in ("upgrade", "upgrade", "current", "check"):
        assert run("db", command, "--json").json() == made
    assert f"revision  {HEAD}\n" in run("db", "current").out


@on_each_database
def test_an_upgrade_takes_the_keys_of_an_earlier_version_along(
    run: Run, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the server itself would as it starts: with its secret, which tells the keys that it has sealed."""
    with monkeypatch.context() as earlier:
        earlier.setattr("jotary.server.store.migrations.HEAD", "0004")
        assert run("db", "upgrade").code == 0
    key = Key.generate("ES256")
    settings = Settings(secret=Secret(Path("jotary.secret").read_text(encoding="utf-8").strip()))
    row = {
        "id": key.kid,
        "algorithm": "ES256",
        "public_jwk": strict_json.dumps(key.public().to_jwk()).decode(),
        "sealed_private_key": make_sealer(settings).seal(
            strict_json.dumps(key.to_jwk(private=True)), kid=str(key.kid), nonce=secrets.token_bytes(12)
        ),
        "announced_at": 1,
        "signing_from": 1,
    }

    def write(connection: sa.Connection) -> None:
        connection.execute(sa.table("signing_keys", *map(sa.column, row)).insert(), row)

    backend(database).change_schema(database, write)
    assert run("db", "upgrade", "--json").json()["revision"] == HEAD
    assert [each["kid"] for each in run("key", "list", "--json").json()] == [key.kid]


@pytest.mark.parametrize(("revision", "schema", "said"), [("9999", "ahead", "newer"), (HEAD, "current", "")])
def test_a_check_tells_what_to_do(run: Run, revision: str, schema: str, said: str) -> None:
    """The error goes to standard error, so that JSON can be piped."""
    with closing(sqlite3.connect("jotary.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    checked = run("db", "check", "--json")
    assert f'"schema": "{schema}"' in checked.out
    assert checked.code == int(bool(said))
    assert said in checked.err


def test_a_schema_that_can_be_upgraded_is_behind(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version of jotary with one more revision would say so of today's."""
    monkeypatch.setattr("jotary.server.store.migrations.HEAD", "one more")
    checked = run("db", "check")
    assert (checked.code, "jotary db upgrade" in checked.err) == (1, True)
