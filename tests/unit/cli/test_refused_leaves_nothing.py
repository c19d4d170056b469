"""What is refused leaves nothing behind: no database, no secret, no key, where there was none."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jotary.server.store.backup import SALT_SIZE, read_key, write_backup
from jotary.server.store.migrations import upgrade

Run = Callable[..., Any]

PASSWORD = "correct horse 7 battery\n"

REFUSED = [
    ("user", "create", "ada@example.com", "--password-stdin"),
    ("user", "create", "no address", "--password-stdin"),
    ("user", "set-password", "ada@example.com", "--password-stdin"),
    ("user", "disable", "ada@example.com"),
    ("user", "enable", "ada@example.com"),
    ("user", "delete", "ada@example.com", "--yes"),
    ("client", "create", "an id", "--type", "service"),
    ("client", "create", "web", "--type", "web"),
    ("client", "create", "web", "--type", "web", "--redirect-uri", "http://app.example.com/"),
    ("client", "create", "svc", "--type", "service", "--auth-method", "private_key_jwt"),
    ("client", "create", "svc", "--type", "service", "--scope", "openid"),
    ("client", "create", "svc", "--type", "service", "--audience", "no URI"),
    ("client", "show", "web"),
    ("client", "update", "web", "--name", "Web"),
    ("client", "rotate-secret", "web"),
    ("client", "delete", "web", "--yes"),
    ("session", "list", "--user", "ada@example.com"),
    ("session", "revoke", "--user", "ada@example.com"),
    ("session", "revoke", "session-1"),
    ("audit", "list"),
    ("audit", "seal"),
    ("audit", "verify"),
    ("db", "check"),
    ("backup", "b", "--key-file", "none"),
    ("backup", "b", "--new-key", "k"),
    ("restore", "none", "--key-file", "none"),
]


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_an_empty_folder_stays_empty(run_in_empty_folder: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Whoever is in the wrong folder, or mistypes, need not clean up; a secret that lies about is taken for the one."""
    refused = run_in_empty_folder(*arguments, stdin="password\n")
    assert refused.code == 1
    assert (refused.out.count("\n") > 1) == (arguments == ("db", "check"))
    assert (refused.err.count("\n"), refused.err.startswith("Error: ")) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_looking_at_the_schema_makes_none(run_in_empty_folder: Run, tmp_path: Path) -> None:
    """Nor a secret, which no schema needs."""
    shown = run_in_empty_folder("db", "current", "--json").json()
    assert shown["schema"] == "missing"
    assert list(tmp_path.iterdir()) == []


def test_a_client_with_keys_that_cannot_be_used(run_in_empty_folder: Run, tmp_path: Path) -> None:
    """RFC 7517: the file is read before anything is made."""
    (tmp_path / "keys").write_text('{"keys": []}')
    arguments = ("client", "create", "svc", "--type", "service", "--auth-method", "private_key_jwt", "--jwks", "keys")
    assert run_in_empty_folder(*arguments).code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


@pytest.mark.parametrize("command", [("create", "svc", "--type", "service"), ("update", "svc")])
def test_a_file_that_holds_no_keys_is_named(run_in_empty_folder: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Once, with what is wrong in it."""
    (tmp_path / "keys").write_text("no JSON")
    refused = run_in_empty_folder("client", *command, "--auth-method", "private_key_jwt", "--jwks", "keys")
    assert refused.code == 1
    assert refused.err.startswith("Error: keys holds no keys: the text is not ")
    assert refused.err.count("the text is not") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_who_is_accepted_is_made_with_all_that_they_need(run_in_empty_folder: Run, tmp_path: Path) -> None:
    """The first account may be made before the server is started."""
    made = run_in_empty_folder("user", "create", "ada@example.com", "--password-stdin", stdin=PASSWORD)
    assert made.code == 0
    assert {"jotary.db", "jotary.secret"} <= {path.name for path in tmp_path.iterdir()}


def test_a_schema_is_made_without_a_secret(run_in_empty_folder: Run, tmp_path: Path) -> None:
    """No schema needs one, and one that is made unsaid is not backed up."""
    made = run_in_empty_folder("db", "upgrade")
    assert (made.code, made.err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["jotary.db"]


@pytest.fixture
def backup(tmp_path: Path, run_in_empty_folder: Run) -> Path:
    """A folder with a backup of an empty database, `b`, and its key, `k`; the database is elsewhere."""
    folder = tmp_path / "there"
    folder.mkdir()
    assert run_in_empty_folder("backup", "--new-key", "there/k").code == 0
    url = f"sqlite:///{tmp_path}/source.db"
    upgrade(url)
    details: dict[str, Any] = {"issuer": "http://127.0.0.1:8000", "version": "1", "now": 1}
    write_backup(url, folder / "b", read_key(folder / "k"), salt=secrets.token_bytes(SALT_SIZE), **details)
    return folder


@pytest.mark.parametrize(
    ("change", "arguments", "environment"),
    [
        (lambda data: data[:-1], (), {}),
        (lambda data: data, (), {"JOTARY_ISSUER": "http://127.0.0.1:9000"}),
        (lambda data: data, ("--nothing-since",), {}),
    ],
    ids=["cut short", "of another issuer", "moved without its secret"],
)
def test_a_restore_that_is_refused(
    backup: Path,
    run_in_empty_folder: Run,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes],
    arguments: tuple[str, ...],
    environment: dict[str, str],
) -> None:
    """Neither a database nor a secret: a new one would stand where the old one has to go."""
    (backup / "b").write_bytes(change((backup / "b").read_bytes()))
    monkeypatch.chdir(backup)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    refused = run_in_empty_folder("restore", "b", "--key-file", "k", *arguments)
    assert (refused.code, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert sorted(path.name for path in backup.iterdir()) == ["b", "k"]


def test_a_restore_makes_no_secret(backup: Path, run_in_empty_folder: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of the backup signs again; the server's start makes the secret for the next ones."""
    monkeypatch.chdir(backup)
    assert run_in_empty_folder("restore", "b", "--key-file", "k").code == 0
    assert not (backup / "jotary.secret").exists()


def test_a_backup_needs_no_secret(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database whose secret was lost can still be saved, and what is not in its trail is said."""
    Path("jotary.toml").write_text('issuer = "https://id.example.com"')
    Path("jotary.secret").unlink()
    made = run("backup", "b", "--new-key", "k")
    assert made.code == 0
    assert "Warning: the audit trail does not say so: " in made.err
    assert run("backup", "b", "--check", "--key-file", "k", "--json").json()["issuer"] == "https://id.example.com"
    assert not Path("jotary.secret").exists()


def test_a_key_is_not_made_for_a_backup_that_is_refused(run: Run) -> None:
    """The next attempt would find its name taken."""
    Path("b").write_text("mine")
    assert run("backup", "b", "--new-key", "k").code == 1
    assert not Path("k").exists()
    assert run("backup", "nowhere/b", "--new-key", "k").err.startswith("Error: nowhere/b: its folder is not there. ")
    assert not Path("k").exists()
    refused = run("backup", "b", "--new-key", "k", "--check")
    assert (refused.code, "exclude each other" in refused.err, Path("k").exists()) == (2, True, False)
