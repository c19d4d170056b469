"""`jotary backup` and `jotary restore`: what an operator types, what it does, and what it refuses."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jotary.cli.operating_system_user import operating_system_user
from jotary.server.store.backup import SALT_SIZE, check_room, read_key, write_backup

Run = Callable[..., Any]
ELSEWHERE = "sqlite:///elsewhere.db"


@pytest.fixture
def backed_up(run: Run) -> Run:
    """The command line where there is one account, its key of backups, `k`, and a backup, `b`."""
    created = run("user", "create", "ada@example.com", "--password-stdin", stdin="correct horse 7 battery\n")
    assert created.code == 0
    assert run("backup", "--new-key", "k").code == 0
    assert run("backup", "b", "--key-file", "k").code == 0
    return run


@pytest.fixture
def elsewhere(backed_up: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same command line, with another database in which there is nothing yet."""
    monkeypatch.setenv("JOTARY_DATABASE", ELSEWHERE)
    return backed_up


def people(run: Run) -> list[str]:
    """The addresses of all accounts."""
    return [person["email"] for person in run("user", "list", "--json").json()]


def test_a_backup_is_told_in_full(backed_up: Run) -> None:
    """For a person, and for a program that keeps watch; the key is not shown."""
    shown = backed_up("backup", "b2", "--key-file", "k")
    assert (shown.code, "the backup is whole" in shown.out, "users" in shown.out) == (0, True, True)
    told = backed_up("backup", "b3", "--key-file", "k", "--json").json()
    assert (told["file"], told["issuer"], told["rows"]["users"]) == ("b3", "http://127.0.0.1:8000", 1)
    assert told["bytes"] == Path("b3").stat().st_size
    assert Path("k").read_text().strip() not in shown.out + json.dumps(told)


def test_a_backup_is_nobody_elses_to_read(backed_up: Run) -> None:
    """Nor its key."""
    assert [Path(name).stat().st_mode & 0o077 for name in ("b", "k")] == [0, 0]


def test_a_key_is_never_written_over(backed_up: Run) -> None:
    """All backups that it sealed would be lost."""
    key = Path("k").read_text()
    again = backed_up("backup", "--new-key", "k")
    assert (again.code, "k: File exists" in again.err) == (1, True)
    assert Path("k").read_text() == key


def test_a_new_key_can_seal_a_backup_at_once_and_wins_over_the_one_before(backed_up: Run) -> None:
    """Whoever makes a new key means it."""
    assert backed_up("backup", "b2", "--key-file", "k", "--new-key", "k2").code == 0
    assert backed_up("backup", "b2", "--key-file", "k2", "--check").code == 0
    assert backed_up("backup", "b2", "--key-file", "k", "--check").code == 1


@pytest.mark.parametrize("arguments", [(), ("b2",), ("--key-file", "k"), ("--check",), ("b", "--check")])
def test_a_backup_needs_a_file_and_a_key(backed_up: Run, arguments: tuple[str, ...]) -> None:
    """Nothing goes unencrypted, and nothing is guessed."""
    refused = backed_up("backup", *arguments)
    assert (refused.code, "--new-key FILE" in refused.err) == (2, True)
    assert not Path("b2").exists()


def test_checking_a_backup_writes_nothing(backed_up: Run) -> None:
    """It reads what is there: neither a database nor a file is needed beside it."""
    before = Path("b").read_bytes()
    told = backed_up("backup", "b", "--key-file", "k", "--check", "--json").json()
    assert told["rows"]["users"] == 1
    assert Path("b").read_bytes() == before
    missing = backed_up("backup", "b2", "--key-file", "k", "--check")
    assert (missing.code, Path("b2").exists()) == (1, False)


def test_a_damaged_backup_is_found_by_checking_it(backed_up: Run) -> None:
    """A bit is enough, and exit code 1 says so to whoever keeps watch."""
    content = bytearray(Path("b").read_bytes())
    content[-20] ^= 1
    Path("b").write_bytes(content)
    assert backed_up("backup", "b", "--key-file", "k", "--check").code == 1


def test_a_restore_brings_the_accounts_back(elsewhere: Run) -> None:
    """It says what it did, and what nobody can know; who did it is in the trail."""
    shown = elsewhere("restore", "b", "--key-file", "k")
    assert shown.code == 0
    assert "Everybody is signed out" in shown.out
    assert "nothing is known of what happened after" in shown.out
    assert people(elsewhere) == ["ada@example.com"]
    (restored,) = [
        event
        for event in map(json.loads, elsewhere("audit", "list", "--json").out.splitlines())
        if event["kind"] == "database.restored"
    ]
    assert restored["actor"] == operating_system_user()


def test_a_restore_cuts_off_every_token_until_the_last_one_is_dead(elsewhere: Run) -> None:
    """Design §6.3: the entry stands for a token's whole lifetime, and for slow clocks, from this moment on."""
    assert elsewhere("client", "create", "svc", "--type", "service").code == 0
    assert elsewhere("backup", "b2", "--key-file", "k").code == 0
    Path("elsewhere.db").unlink()
    assert elsewhere("restore", "b2", "--key-file", "k").code == 0
    with closing(sqlite3.connect("elsewhere.db")) as connection:
        (made, gone), *_ = connection.execute("SELECT created_at, expires_at FROM revocations WHERE kind = 'client_id'")
    assert gone - made == 300 + 300


def test_a_restore_for_programs(elsewhere: Run) -> None:
    """One JSON document and nothing else."""
    told = elsewhere("restore", "b", "--key-file", "k", "--json").json()
    assert (told["issuer"], told["users"], told["clients"]) == ("http://127.0.0.1:8000", 1, 0)
    assert {**told["removed"], **told["left_out"]} == {"users": 0, "clients": 0}


def test_a_move_signs_nobody_out_and_does_not_say_so(elsewhere: Run) -> None:
    """With `--nothing-since` everything is as it was; the signing keys are tried first, under the server's secret."""
    assert "signed out" not in elsewhere("restore", "b", "--key-file", "k", "--nothing-since").out
    assert people(elsewhere) == ["ada@example.com"]


def test_a_move_under_another_secret_is_refused(elsewhere: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would not start on what it cannot open."""
    monkeypatch.setenv("JOTARY_DATABASE", "sqlite:///jotary.db")
    assert elsewhere("key", "rotate").code == 0
    assert elsewhere("backup", "b2", "--key-file", "k").code == 0
    monkeypatch.setenv("JOTARY_DATABASE", ELSEWHERE)
    monkeypatch.setenv("JOTARY_SECRET", "another secret that is long enough, too")
    refused = elsewhere("restore", "b2", "--key-file", "k", "--nothing-since")
    assert (refused.code, "secret" in refused.err) == (1, True)
    assert people(elsewhere) == []


def test_a_database_with_accounts_is_replaced_only_when_told(backed_up: Run) -> None:
    """What came since goes, and is counted."""
    later = backed_up("user", "create", "bob@example.com", "--password-stdin", stdin="correct horse 7 battery\n")
    assert later.code == 0
    refused = backed_up("restore", "b", "--key-file", "k")
    assert (refused.code, "--replace" in refused.err) == (1, True)
    assert sorted(people(backed_up)) == ["ada@example.com", "bob@example.com"]
    shown = backed_up("restore", "b", "--key-file", "k", "--replace")
    assert "Removed 1 users that came after the backup." in shown.out
    assert "Everybody is signed out" in shown.out
    assert "nothing is known" not in shown.out
    assert people(backed_up) == ["ada@example.com"]
    (noted,) = backed_up("audit", "list", "--kind", "database.restored", "--json").out.splitlines()
    detail = json.loads(noted)["detail"]
    assert detail.pop("made_at") > 0
    assert detail == {
        "nothing_since": False,
        "replaced": True,
        "removed": {"users": 1, "clients": 0},
        "left_out": {"users": 0, "clients": 0},
    }


def test_a_database_with_clients_alone_is_not_empty(elsewhere: Run) -> None:
    """They are signed in at, too."""
    assert elsewhere("client", "create", "svc", "--type", "service").code == 0
    refused = elsewhere("restore", "b", "--key-file", "k")
    assert (refused.code, "--replace" in refused.err) == (1, True)
    assert elsewhere("client", "show", "svc").code == 0


def test_a_backup_does_not_wait_for_who_writes(backed_up: Run) -> None:
    """Nor does who writes wait for it."""
    with closing(sqlite3.connect("jotary.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        check_room("sqlite:///jotary.db", Path("b2"))
        details: dict[str, Any] = {"issuer": "i", "version": "1", "now": 1, "salt": bytes(SALT_SIZE)}
        write_backup("sqlite:///jotary.db", Path("b2"), read_key(Path("k")), **details)
        connection.execute("ROLLBACK")
    assert backed_up("backup", "b2", "--check", "--key-file", "k").code == 0


def test_who_was_deleted_since_is_left_out_and_said_to_be(backed_up: Run) -> None:
    """Otherwise an operator would look for them."""
    assert backed_up("user", "delete", "ada@example.com", "--yes").code == 0
    shown = backed_up("restore", "b", "--key-file", "k", "--replace")
    assert "Left out 1 users" in shown.out
    assert people(backed_up) == []


def test_the_backup_of_another_issuer_is_taken_only_when_told(elsewhere: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clients and APIs know another one."""
    monkeypatch.setenv("JOTARY_ISSUER", "http://127.0.0.1:9000")
    refused = elsewhere("restore", "b", "--key-file", "k")
    assert (refused.code, "--any-issuer" in refused.err) == (1, True)
    assert elsewhere("restore", "b", "--key-file", "k", "--any-issuer").code == 0


def test_going_back_and_moving_exclude_each_other(backed_up: Run) -> None:
    """One says that something happened since, the other that nothing did."""
    refused = backed_up("restore", "b", "--key-file", "k", "--replace", "--nothing-since")
    assert (refused.code, "exclude each other" in refused.err) == (2, True)


def test_a_restore_needs_the_key(backed_up: Run) -> None:
    """And asks for it before it touches anything."""
    refused = backed_up("restore", "b")
    assert (refused.code, "--key-file FILE" in refused.err) == (2, True)
