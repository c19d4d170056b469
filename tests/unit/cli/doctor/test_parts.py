"""`jotary doctor`: each thing that can be broken is broken here, its verdict turns, and turns back with the mend."""

import os
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jotary.cli.diagnosis import machine

Run = Callable[..., Any]
Verdict = Callable[[str], tuple[str, str, str | None]]
Configure = Callable[[str], None]


def execute(statement: str, *parameters: object) -> None:
    """Change the database behind everybody's back."""
    with closing(sqlite3.connect("jotary.db", isolation_level=None)) as connection:
        connection.execute(statement, parameters)


def read(statement: str) -> list[tuple[Any, ...]]:
    """What the file holds."""
    with closing(sqlite3.connect("jotary.db")) as connection:
        return connection.execute(statement).fetchall()


def add_client(**changed: object) -> None:
    """A row that no command would write."""
    values = {
        "id": "c", "name": "C", "type": "web", "token_endpoint_auth_method": "client_secret_basic",
        "secret_sha256": b"x" * 32, "redirect_uris": "[]", "post_logout_redirect_uris": "[]", "grant_types": "[]",
        "scopes": "[]", "audiences": "[]", "is_first_party": 0, "created_at": 0, **changed,
    }  # fmt: skip
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    execute(f"INSERT INTO clients ({names}) VALUES ({marks})", *values.values())  # noqa: S608 -- names from above


@pytest.mark.parametrize(
    "name",
    ["settings", "database", "schema", "database mode", "disk", "journal", "durability", "integrity", "secret",
     "secret file", "secret opens keys", "key stamps", "ended keys", "signing key", "next key", "administrators",
     "clients", "purge", "clock", "password hashing", "hash workers", "libraries"],
)  # fmt: skip
def test_a_healthy_deployment_is_well(verdict: Verdict, name: str) -> None:
    """Each of these is ok, and wants nothing."""
    assert verdict(name)[::2] == ("ok", None)


def test_settings_that_do_not_load(verdict: Verdict, configure: Configure) -> None:
    """One line says where and what, and nothing else can be looked at."""
    configure("issuer = 5")
    assert verdict("settings")[0] == "fail"
    configure("")
    assert verdict("settings")[0] == "ok"


def test_a_database_that_is_not_there(verdict: Verdict) -> None:
    """It is not made, either."""
    Path("jotary.db").unlink()
    assert verdict("database")[0] == "fail"
    not_looked_at = verdict("not looked at")
    assert (not_looked_at[0], not_looked_at[2]) == ("fail", "Mend the database first.")
    assert "purge" in not_looked_at[1]
    assert not Path("jotary.db").exists()


def test_a_file_that_is_no_database(verdict: Verdict) -> None:
    """One line, and one for all that need it, without a traceback."""
    Path("jotary.db").write_bytes(b"nonsense" * 1000)
    assert verdict("database")[0] == "fail"
    not_looked_at = verdict("not looked at")
    assert not_looked_at[0] == "fail"
    for name in ("secret", "signing keys", "people and clients", "purge"):
        assert name in not_looked_at[1].split(", ")


def test_a_schema_of_another_version(verdict: Verdict) -> None:
    """A newer one, or an older one that was not upgraded."""
    execute("UPDATE alembic_version SET version_num = '0000'")
    assert verdict("schema")[0] == "fail"


@pytest.mark.parametrize(("name", "file"), [("database mode", "jotary.db"), ("secret file", "jotary.secret")])
def test_a_file_that_others_may_read(verdict: Verdict, name: str, file: str) -> None:
    """The mend is a chmod of that file."""
    Path(file).chmod(0o640)
    found = verdict(name)
    assert (found[0], found[1].endswith("0640")) == ("fail", True)
    assert str(Path(file).absolute()) in (found[2] or "")
    Path(file).chmod(0o600)
    assert verdict(name)[0] == "ok"


def test_a_secret_that_root_lets_the_service_read(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/deploy.md gives it to root and the service's group; the service itself can then not change it."""
    file = Path("jotary.secret")
    file.chmod(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    assert verdict("secret file")[0] == "ok"
    for mode in (0o660, 0o650, 0o644):
        file.chmod(mode)
        assert verdict("secret file")[0] == "fail"
    file.chmod(0o640)
    monkeypatch.setattr(os, "getegid", lambda: file.stat().st_gid + 1)
    monkeypatch.setattr(os, "getgroups", list)
    assert verdict("secret file")[0] == "fail"


@pytest.mark.parametrize("setting", ["pkcs11_pin_file", "accepted_secret_files", "database_file"])
def test_another_file_with_a_secret_that_others_may_read(verdict: Verdict, configure: Configure, setting: str) -> None:
    """The PIN of an HSM, the secret before or after, a database's URL with its password."""
    file = Path("held")
    file.write_text(
        {"database_file": "sqlite:///jotary.db"}.get(setting, "another-0123456789-abcdefghijklmnopq-XYZ"),
        encoding="utf-8",
    )
    configure(f"{setting} = {['held'] if setting.endswith('files') else 'held'!r}")
    file.chmod(0o604)
    found = verdict("secret file")
    assert (found[0], found[2]) == ("fail", f"chmod 600 {file.absolute()}")
    file.chmod(0o600)
    assert verdict("secret file")[0] == "ok"


def test_a_database_that_left_wal_mode(verdict: Verdict) -> None:
    """The mend is the statement that brings it back."""
    execute("PRAGMA journal_mode = DELETE")
    found = verdict("journal")
    assert found[:2] == ("fail", "delete")
    execute((found[2] or "").partition("'")[2].rstrip("'"))
    assert verdict("journal")[0] == "ok"


def test_connections_that_do_not_wait_for_the_disk(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """`synchronous` below FULL loses acknowledged commits at power loss."""
    monkeypatch.setattr("jotary.server.store.sqlite.file._PRAGMAS", ("synchronous = NORMAL",))
    assert verdict("durability")[:2] == ("fail", "synchronous = NORMAL")


def test_a_damaged_database(verdict: Verdict) -> None:
    """An index that has lost its rows, as a bad disk leaves it."""
    execute("CREATE TABLE probe (a UNIQUE, b)")
    execute("INSERT INTO probe VALUES (1, 2)")
    with closing(sqlite3.connect("jotary.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE probe (a UNIQUE NOT NULL, b CHECK (b > 9))' "
                           "WHERE name = 'probe'")  # fmt: skip
    assert verdict("integrity")[0] == "fail"


def test_a_full_disk(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for more than any disk has."""
    monkeypatch.setattr("jotary.cli.diagnosis.database._LEAST_FREE", 2**63)
    assert verdict("disk")[0] == "warn"


def test_a_secret_that_did_not_seal_the_keys(verdict: Verdict) -> None:
    """And the one that did."""
    secret = Path("jotary.secret").read_text(encoding="utf-8")
    Path("jotary.secret").write_text("another-0123456789-abcdefghijklmnopq-XYZ", encoding="utf-8")
    assert verdict("secret opens keys")[:2] == ("fail", "opens 0 of 1 private keys")
    Path("jotary.secret").write_text(secret, encoding="utf-8")
    assert verdict("secret opens keys")[0] == "ok"


def test_a_secret_that_repeats_itself(verdict: Verdict) -> None:
    """Long, with ten different characters, and guessed all the same."""
    Path("jotary.secret").write_text("aaaaaaaaaaaaaaaaaaaaaaaaaaa0123456789", encoding="utf-8")
    assert verdict("secret")[0] == "fail"


def test_no_key_and_an_old_key(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that runs keeps the schedule; if none ran for long, the next key is overdue."""
    monkeypatch.setattr("jotary.cli.diagnosis.signing_keys.ROTATION_INTERVAL", -2 * 86_400)
    assert verdict("next key")[0] == "warn"
    execute("DELETE FROM signing_keys")
    assert verdict("signing key")[0] == "fail"


def test_where_an_operator_makes_the_keys_an_operator_is_asked_for_one(verdict: Verdict, configure: Configure) -> None:
    """No start of a server would make it."""
    configure('signing_keys = "external"')
    execute("DELETE FROM signing_keys")
    found = verdict("signing key")
    assert (found[0], "jotary key add" in (found[2] or "")) == ("fail", True)


def test_a_key_that_no_server_wrote(verdict: Verdict, run: Run) -> None:
    """Changed behind everybody's back, it is named, and a server would not sign with it; an emergency mends it."""
    ((kid,),) = read("SELECT id FROM signing_keys")
    execute("UPDATE signing_keys SET signing_from = signing_from - 1")
    assert verdict("key stamps")[:2] == ("fail", f"not as a server wrote it: {kid}")
    assert verdict("signing key")[:2] == ("fail", "none can sign")
    assert run("key", "list", "--json").json()[0]["phase"] == "refused"
    assert run("key", "rotate", "--compromised").code == 0
    assert verdict("key stamps")[:2] == ("ok", "1 rows as a server wrote them")


def test_a_withdrawn_key_that_was_put_back(verdict: Verdict, run: Run) -> None:
    """As it was before, with the stamp that it had: the audit trail knows better."""
    (row,) = read("SELECT * FROM signing_keys")
    assert run("key", "rotate", "--compromised").code == 0
    execute("DELETE FROM signing_keys WHERE id = ?", row[0])
    execute("INSERT INTO signing_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
    assert verdict("key stamps")[0] == "ok"
    assert verdict("ended keys")[:2] == ("fail", f"put back after its end: {row[0]}")
    assert run("key", "rotate", "--compromised").code == 0
    assert verdict("ended keys")[0] == "ok"


def test_a_key_of_another_algorithm(verdict: Verdict, configure: Configure) -> None:
    """The setting was changed, and no server was started since."""
    configure('signing_algorithm = "EdDSA"')
    assert verdict("signing key")[0] == "warn"


def test_nobody_is_administrator(verdict: Verdict) -> None:
    """A disabled one does not count."""
    execute("UPDATE users SET disabled_at = 1")
    assert verdict("administrators")[0] == "warn"


def test_audiences(verdict: Verdict, configure: Configure) -> None:
    """None named is worth knowing; a client that may ask for one that is not named, too."""
    assert verdict("audiences")[0] == "warn"
    configure('audiences = ["https://api.example.com"]')
    assert verdict("audiences")[0] == "ok"
    add_client(audiences='["https://gone.example.com"]')
    assert verdict("client c")[0] == "warn"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"redirect_uris": '["http://app.example.com/cb"]'}, "fail"),
        ({"redirect_uris": '["https://*.example.com/cb"]'}, "fail"),
        ({"token_endpoint_auth_method": "none"}, "warn"),
    ],
)
def test_a_weak_client(verdict: Verdict, changed: dict[str, object], expected: str) -> None:
    """What registration refuses may come from elsewhere."""
    add_client(**changed)
    assert verdict("client c")[0] == expected


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uris": '["http://app.example.com/cb"]'},
        {"redirect_uris": '["https://*.example.com/cb", "https://app.example.com/cb"]'},
        {"token_endpoint_auth_method": "none"},
        {"audiences": '["https://gone.example.com"]'},
    ],
)
def test_the_mend_of_a_client_mends_it(
    patient: Run, verdict: Verdict, configure: Configure, changed: dict[str, object]
) -> None:
    """As it is printed, with an address in the place of the dots."""
    configure('audiences = ["https://api.example.com"]')
    add_client(**{"redirect_uris": '["https://app.example.com/cb"]', **changed})
    mend = (verdict("client c")[2] or "").partition("jotary ")[2]
    assert patient(*shlex.split(mend.replace("…", "app.example.com/cb"))).code == 0
    assert verdict("clients")[0] == "ok"


def test_http_on_loopback_is_no_weakness(verdict: Verdict) -> None:
    """RFC 8252 §8.3."""
    add_client(redirect_uris='["http://127.0.0.1:8001/auth/callback"]')
    assert verdict("clients")[0] == "ok"


def test_rows_that_nobody_purged(verdict: Verdict) -> None:
    """They stand an hour longer than they should."""
    execute("INSERT INTO assertions (client_id, jti, expires_at) VALUES ('c', 'j', 1)")
    assert verdict("purge")[:2] == ("warn", "1 expired rows in assertions")
    execute("DELETE FROM assertions")
    assert verdict("purge")[0] == "ok"


def test_more_hash_workers_than_cores(verdict: Verdict, configure: Configure) -> None:
    """The mend is the default."""
    configure("hash_workers = 256")
    assert verdict("hash workers")[0] == "warn"
    configure("hash_workers = 0")
    assert verdict("hash workers")[0] == "ok"


def test_slow_hashes_and_few_files(patient: Run, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured on this machine, so the bounds are moved."""
    monkeypatch.setattr(machine, "_SLOWEST", 0.0)
    assert verdict("password hashing")[0] == "warn"
    assert "warn  open files" in patient("doctor", "--limit-concurrency", "100000000").out
