"""`jotary doctor` about a PostgreSQL: a real one, and each thing that can be wrong with it."""

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from jotary.cli.diagnosis import postgresql as diagnosis
from jotary.cli.diagnosis.postgresql import _tls
from jotary.oauth.secret import Secret
from jotary.server.app import prepare
from jotary.server.settings import Settings
from jotary.server.store.postgres import connection
from jotary.server.store.postgres.inspection import Channel

if TYPE_CHECKING:
    from tests.plugins.postgresql_tls import Authority, FrontOfPostgreSQL

    from faults.postgresql import PostgreSQLServer

Run = Callable[..., Any]
Verdict = Callable[[str], tuple[str, str, str | None]]
UseDatabase = Callable[[str], None]

LEAST = (
    "GRANT SELECT ON alembic_version TO {0};"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {0};"
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {0}"
)


@pytest.fixture(scope="module")
def template(own_postgresql: "PostgreSQLServer") -> str:
    """The name of a database with the schema, at a server that these tests may set as they like."""
    name = own_postgresql.create_database()
    secret = Secret("0123456789-abcdefghijklmnopqrstuvw-XYZ")
    asyncio.run(prepare(Settings(database=own_postgresql.url(name), secret=secret)))
    return name


@pytest.fixture
def use_database(monkeypatch: pytest.MonkeyPatch) -> UseDatabase:
    """Set the database."""

    def use_database(url: str) -> None:
        monkeypatch.setenv("JOTARY_DATABASE", url)

    return use_database


@pytest.fixture
def patient(run: Run, own_postgresql: "PostgreSQLServer", template: str, use_database: UseDatabase) -> Run:
    """The command line beside that database."""
    use_database(own_postgresql.url(template))
    return run


@pytest.fixture
def set_up(own_postgresql: "PostgreSQLServer", template: str) -> Callable[[str, str], None]:
    """Change a setting of the whole server, and wait until it is in force."""

    def set_up(name: str, value: str) -> None:
        own_postgresql.run(f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")
        deadline = time.monotonic() + 20
        while own_postgresql.run(f"SHOW {name}", database=template) != value:
            assert time.monotonic() < deadline, name
            time.sleep(0.02)

    return set_up


def test_a_healthy_database_is_well(
    own_postgresql: "PostgreSQLServer",
    template: str,
    verdict: Verdict,
    use_database: UseDatabase,
    set_up: Callable[[str, str], None],
) -> None:
    """One whose role has few rights, at a socket of this machine; what is a file's is not asked of it."""
    set_up("fsync", "on")
    own_postgresql.run("CREATE ROLE few_rights LOGIN", *LEAST.format("few_rights").split(";"), database=template)
    use_database(own_postgresql.url(template, user="few_rights"))
    names = ("database", "schema", "database version", "database writes", "fsync", "synchronous_commit")
    for name in (*names, "full_page_writes", "connections", "database TLS", "database role", "clock", "purge"):
        assert verdict(name)[::2] == ("ok", None), name
    assert verdict("database role")[1] == "few_rights"
    with pytest.raises(KeyError):
        verdict("database mode")


def test_nothing_of_it_is_asked_of_a_file(run: Run) -> None:
    """SQLite has checks of its own."""
    assert "database TLS" not in run("doctor").out


@pytest.mark.parametrize(("value", "expected"), [("off", "fail"), ("on", "ok")])
def test_fsync(verdict: Verdict, set_up: Callable[[str, str], None], value: str, expected: str) -> None:
    """Without it, power loss takes back an acknowledged rotation."""
    set_up("fsync", value)
    assert verdict("fsync")[:2] == (expected, value)


@pytest.mark.parametrize(("value", "expected"), [("off", "warn"), ("on", "ok")])
def test_full_page_writes(verdict: Verdict, set_up: Callable[[str, str], None], value: str, expected: str) -> None:
    """A warning: there are file systems that write whole pages."""
    set_up("full_page_writes", value)
    found = verdict("full_page_writes")
    assert found[:2] == (expected, value)
    assert value == "on" or "full_page_writes = on" in (found[2] or "")


@pytest.mark.parametrize(("value", "expected"), [("off", "fail"), ("local", "fail"), ("remote_apply", "ok")])
def test_a_connection_that_does_not_wait_for_the_disk(
    verdict: Verdict, monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    """As behind a pooler that drops what a connection asks for (docs/postgresql.md)."""
    monkeypatch.setitem(vars(connection)["_SETTINGS"], "synchronous_commit", value)
    found = verdict("synchronous_commit")
    assert found[:2] == (expected, value)
    assert expected == "ok" or "pooler" in (found[2] or "")


def test_an_empty_database(own_postgresql: "PostgreSQLServer", verdict: Verdict, use_database: UseDatabase) -> None:
    """No schema: the server makes it when it starts; what does not need it is looked at."""
    use_database(own_postgresql.url(own_postgresql.create_database()))
    assert verdict("database")[0] == "ok"
    assert (verdict("schema")[0], "revision none" in verdict("schema")[1]) == ("fail", True)
    assert verdict("database version")[0] == "ok"


def test_a_server_that_does_not_listen(verdict: Verdict, use_database: UseDatabase) -> None:
    """Refused: it is not started, or elsewhere."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    use_database(f"postgresql://jotary:hunter2@127.0.0.1:{port}/jotary")
    verdict_, found, mend = verdict("database")
    assert (verdict_, mend) == ("fail", "Start it, or mend its host and port in the setting database.")
    assert found.startswith("cannot open the database")
    assert "hunter2" not in found
    not_looked_at = verdict("not looked at")
    assert not_looked_at[0] == "fail"
    assert not_looked_at[1].startswith("PostgreSQL, ")


def test_a_database_that_is_not_there(
    own_postgresql: "PostgreSQLServer", verdict: Verdict, use_database: UseDatabase
) -> None:
    """The server answers, and knows none of that name."""
    use_database(own_postgresql.url("nowhere"))
    found = verdict("database")
    assert (found[0], "CREATE DATABASE" in (found[2] or "")) == ("fail", True)


def test_a_wrong_password(
    own_postgresql: "PostgreSQLServer", template: str, verdict: Verdict, use_database: UseDatabase
) -> None:
    """It is not repeated, and the mend names the setting."""
    own_postgresql.run("CREATE ROLE walter LOGIN PASSWORD 'right'")
    rules = Path(own_postgresql.run("SHOW hba_file"))
    before = rules.read_text(encoding="utf-8")
    rules.write_text(f"local all walter scram-sha-256\n{before}", encoding="utf-8")
    own_postgresql.run("SELECT pg_reload_conf()")
    try:
        url = own_postgresql.url(template, user="walter:{}")
        use_database(url.format("wrong"))
        deadline = time.monotonic() + 20
        while (found := verdict("database"))[0] == "ok" and time.monotonic() < deadline:
            time.sleep(0.05)  # until the rules are read
        assert (found[0], found[2]) == ("fail", "Mend the user or the password in the setting database.")
        assert "wrong" not in found[1]
    finally:
        rules.write_text(before, encoding="utf-8")
        own_postgresql.run("SELECT pg_reload_conf()")


def test_a_server_of_another_authority(
    own_postgresql: "PostgreSQLServer",
    verdict: Verdict,
    use_database: UseDatabase,
    front_of_postgresql: Callable[[Path | None], "FrontOfPostgreSQL"],
    authority: "Authority",
    other_authority: "Authority",
) -> None:
    """And the right one; its name is checked, so that it is well wherever it is."""
    front = front_of_postgresql(authority.server)
    use_database(front.url(f"sslmode=verify-full&sslrootcert={other_authority.root}"))
    found = verdict("database")
    assert (found[0], "sslrootcert" in (found[2] or "")) == ("fail", True)
    use_database(front.url(f"sslmode=verify-full&sslrootcert={authority.root}"))
    assert verdict("database TLS")[:2] == ("ok", "encrypted to 127.0.0.1, its certificate and name are checked")
    use_database(front.url())
    assert verdict("database TLS")[:2] == ("ok", "not needed: 127.0.0.1 is this machine")


@pytest.mark.parametrize(
    ("channel", "expected", "says"),
    [
        (Channel("10.0.0.7"), "warn", "nothing is encrypted"),
        (Channel("10.0.0.7", is_encrypted=True), "warn", "to whomever it may be"),
        (Channel("10.0.0.7", is_encrypted=True, certificate_checked=True), "warn", "but not for whom"),
        (Channel("10.0.0.7", is_encrypted=True, certificate_checked=True, name_checked=True), "ok", "name are checked"),
        (Channel("::1"), "ok", "this machine"),
        (Channel("fe80::1%eth0"), "warn", "nothing is encrypted"),
        (Channel(None), "ok", "UNIX socket"),
    ],
)
def test_a_database_elsewhere_wants_a_name_that_is_checked(channel: Channel, expected: str, says: str) -> None:
    """Whoever is between could read along, or be it (RFC 9325 §6.1)."""
    found = _tls(channel)
    assert (found.verdict, says in found.found) == (expected, True)
    assert expected == "ok" or "sslmode=verify-full" in (found.mend or "")


def test_a_version_that_is_not_supported(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for one that there is not yet."""
    monkeypatch.setattr(diagnosis, "_OLDEST", 990000)
    assert verdict("database version")[::2] == ("fail", "Upgrade PostgreSQL to 99 or newer.")


def test_a_superuser(verdict: Verdict) -> None:
    """As whom the tests run."""
    assert verdict("database role")[:2] == ("warn", "postgres, a superuser")


def test_more_connections_than_there_are(
    own_postgresql: "PostgreSQLServer",
    template: str,
    patient: Run,
    verdict: Verdict,
    use_database: UseDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What each process may open, for as many as were started; the limit of a role counts as the server's."""
    assert verdict("connections")[0] == "ok"
    assert "warn  connections" in patient("doctor", "--workers", "50").out
    own_postgresql.run("CREATE ROLE limited LOGIN CONNECTION LIMIT 15", "GRANT pg_read_all_data TO limited")
    use_database(own_postgresql.url(template, user="limited"))
    assert verdict("connections")[0] == "ok"
    monkeypatch.setenv("JOTARY_DATABASE_CONNECTIONS", "16")
    found = verdict("connections")
    assert (found[0], "15 allowed" in found[1]) == ("warn", True)


def test_a_database_that_takes_no_writes(
    own_postgresql: "PostgreSQLServer", template: str, verdict: Verdict, use_database: UseDatabase
) -> None:
    """All that reads is well then, so that nothing else would say so."""
    assert verdict("database writes")[0] == "ok"
    use_database(own_postgresql.url(template) + "&default_transaction_read_only=on")
    found = verdict("database writes")
    assert (found[0], "default_transaction_read_only" in found[1]) == ("fail", True)
    use_database(own_postgresql.url(template) + "&default_transaction_read_only=on&target_session_attrs=read-write")
    found = verdict("database")
    assert (found[0], "target_session_attrs" in (found[2] or "")) == ("fail", True)


def test_a_role_that_may_only_read(
    own_postgresql: "PostgreSQLServer", template: str, verdict: Verdict, use_database: UseDatabase
) -> None:
    """A server with it starts, and is ready; the mend mends it, and without its second half it does not."""
    own_postgresql.run(
        "CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=template
    )
    use_database(own_postgresql.url(template, user="reader"))
    verdict_, found, mend = verdict("database writes")
    assert (verdict_, "clients" in found, "alembic_version" in found) == ("fail", True, False)
    tables, sequences = (mend or "").partition(": ")[2].split(";")
    own_postgresql.run(tables, database=template)
    assert verdict("database writes")[1] == "reader may not write to: events_position_seq, revocations_position_seq"
    own_postgresql.run(sequences, database=template)
    assert verdict("database writes")[0] == "ok"


def test_a_standby(own_postgresql: "PostgreSQLServer", verdict: Verdict) -> None:
    """It answers, and repeats what another one writes."""
    signal = Path(own_postgresql.run("SHOW data_directory"), "standby.signal")
    own_postgresql.stop()
    signal.touch()
    own_postgresql.start()
    try:
        found = verdict("database writes")
    finally:
        own_postgresql.stop()
        signal.unlink()
        own_postgresql.start()
    assert (found[0], "standby" in found[1]) == ("fail", True)
    assert verdict("database writes")[0] == "ok"


def test_a_clock_that_is_not_the_database_s(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is an hour ahead: one of them is wrong, and other machines may go by the other one."""
    ahead = SimpleNamespace(time=lambda: time.time() + 3600)
    monkeypatch.setattr(diagnosis, "time", ahead)
    found = verdict("clock")
    assert (found[0], found[1]) == ("warn", "3600 s ahead of the database")
