"""`jotary user`."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from jotary.server.passwords import HashingPool

Run = Callable[..., Any]
PASSWORD = "correct horse battery staple"


def create(run: Run, email: str = "ada@example.com", *arguments: str) -> dict[str, Any]:
    """Make an account."""
    made: dict[str, Any] = run(
        "user", "create", email, "--password-stdin", "--json", *arguments, stdin=f"{PASSWORD}\n"
    ).json()
    return made


def row(query: str) -> tuple[Any, ...]:
    """One row of the database."""
    with closing(sqlite3.connect("jotary.db")) as database:
        found: tuple[Any, ...] = database.execute(query).fetchone()
        return found


def test_an_account_is_made(run: Run) -> None:
    """The members that programs build on; the password is stored as its hash and said nowhere."""
    made = create(run, " Ada@example.com ", "--name", "Ada", "--admin")
    assert made == {
        "id": made["id"],
        "email": "Ada@example.com",
        "name": "Ada",
        "email_verified": False,
        "is_admin": True,
        "created_at": made["created_at"],
        "disabled_at": None,
    }
    hasher = HashingPool(workers=1)
    assert asyncio.run(hasher.verify(PASSWORD, row("SELECT hash FROM passwords")[0]))
    hasher.close()


def test_for_people_it_is_a_line_for_each_detail(run: Run) -> None:
    """Without what there is not."""
    outcome = run("user", "create", "ada@example.com", "--password-stdin", stdin=PASSWORD)
    lines = [line.split("  ")[0].strip() for line in outcome.out.splitlines()]
    assert lines == ["id", "email", "email verified", "is admin", "created at"]
    assert PASSWORD not in outcome.out + outcome.err


@pytest.mark.parametrize("line_end", ["", "\n", "\r\n", "\nsecond line\n"])
def test_the_password_is_the_first_line_of_standard_input(run: Run, line_end: str) -> None:
    """Without its end; spaces are part of it."""
    run("user", "create", "ada@example.com", "--password-stdin", stdin=f" {PASSWORD} {line_end}")
    hasher = HashingPool(workers=1)
    assert asyncio.run(hasher.verify(f" {PASSWORD} ", row("SELECT hash FROM passwords")[0]))
    hasher.close()


@pytest.mark.parametrize(
    ("stdin", "arguments", "says"),
    [
        ("short\n", ["--password-stdin"], "Error: password: Use at least 8 characters."),
        ("", ["--password-stdin"], "Error: password: Use at least 8 characters."),
        (b"\xff\xfe\n", ["--password-stdin"], "Error: The password on standard input is not UTF-8 text."),
        ("", [], "Error: There is no terminal to ask for a password. Pipe it in with --password-stdin."),
    ],
)
def test_a_password_that_cannot_be_used_is_refused(run: Run, stdin: Any, arguments: list[str], says: str) -> None:
    """In one line, and nothing is made."""
    outcome = run("user", "create", "ada@example.com", *arguments, stdin=stdin)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(says)
    assert outcome.err.count("\n") == 1
    assert run("user", "list").out == "There is no account yet.\n"


def test_accounts_are_listed(run: Run) -> None:
    """Oldest first, with what they may do."""
    people = [create(run, f"{name}@example.com", *more) for name, *more in (("a",), ("b", "--admin"), ("c",))]
    run("user", "disable", "c@example.com")
    listed = run("user", "list", "--json").json()
    assert {person["email"] for person in listed} == {"a@example.com", "b@example.com", "c@example.com"}
    assert [person["id"] for person in listed] == sorted(person["id"] for person in people)
    head, *lines = run("user", "list").out.splitlines()
    assert head.split() == ["id", "email", "name", "state", "created"]
    assert sorted(line.split()[3] for line in lines) == ["active", "administrator", "disabled"]


def test_all_accounts_are_listed_however_many(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read a page at a time."""
    monkeypatch.setattr("jotary.cli.user._PAGE", 2)
    for number in range(5):
        create(run, f"{number}@example.com")
    assert len(run("user", "list", "--json").json()) == 5


def test_disabling_and_enabling(run: Run) -> None:
    """By id or by address."""
    made = create(run)
    disabled = run("user", "disable", made["id"], "--json").json()
    assert disabled == {**made, "disabled_at": disabled["disabled_at"]}
    assert disabled["disabled_at"] >= made["created_at"]
    assert row("SELECT kind, value FROM revocations") == ("sub", made["id"])
    assert run("user", "enable", " ADA@example.com", "--json").json() == made


def test_deleting_asks_first(run: Run) -> None:
    """It cannot be undone."""
    create(run)
    refused = run("user", "delete", "ada@example.com", stdin="n\n")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "Delete ada@example.com for good? [y/N]: n\nAborted!\n"
    deleted = run("user", "delete", "ada@example.com", stdin="y\n")
    assert deleted.out.startswith("Deleted ada@example.com (")
    assert run("user", "list", "--json").json() == []


@pytest.mark.parametrize("command", [["disable"], ["enable"], ["delete", "--yes"]])
def test_nobody_by_that_name(run: Run, command: list[str]) -> None:
    """The same for all; with where to look."""
    outcome = run("user", *command, "bob@example.com")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "Error: nobody has the e-mail address or id bob@example.com. See: jotary user list\n"


def test_what_was_done_is_in_the_audit_trail(run: Run) -> None:
    """For everything that the command line changes."""
    made = create(run)
    for command in ("disable", "enable"):
        run("user", command, made["id"])
    run("user", "delete", made["id"], "--yes")
    with closing(sqlite3.connect("jotary.db")) as database:
        trail = database.execute("SELECT kind, user_id FROM events ORDER BY position").fetchall()
    assert trail == [(f"user.{verb}", made["id"]) for verb in ("created", "disabled", "enabled", "deleted")]


NEW = "forty orange badgers hum"


def set_password(run: Run, *arguments: str, stdin: Any = f"{NEW}\n") -> Any:
    """Set the password of the account that was made."""
    return run("user", "set-password", " ADA@example.com", *arguments, stdin=stdin)


def test_a_password_is_set(run: Run) -> None:
    """By address or by id; everything that was open ends, and the password is said nowhere."""
    made = create(run)
    outcome = set_password(run, "--password-stdin", "--json")
    assert outcome.json() == made
    assert NEW not in outcome.out + outcome.err
    hasher = HashingPool(workers=1)
    assert asyncio.run(hasher.verify(NEW, row("SELECT hash FROM passwords")[0]))
    hasher.close()
    assert row("SELECT kind, value FROM revocations") == ("sub", made["id"])
    detail = '{"by":"administrator","sessions":"ended"}'
    query = "SELECT kind, user_id, detail FROM events ORDER BY position DESC"
    assert row(query) == ("user.password_changed", made["id"], detail)
    assert run("user", "set-password", made["id"], "--password-stdin", stdin=f"{PASSWORD}\n").code == 0


def test_a_password_is_set_and_sessions_are_kept(run: Run) -> None:
    """On request."""
    create(run)
    assert set_password(run, "--password-stdin", "--keep-sessions").code == 0
    assert row("SELECT count(*) FROM revocations") == (0,)


@pytest.mark.parametrize(
    ("stdin", "arguments", "says"),
    [
        ("short\n", ["--password-stdin"], "Error: password: Use at least 8 characters. Choose another one."),
        ("ada@example.com\n", ["--password-stdin"], "Error: password: "),
        ("", [], "Error: There is no terminal to ask for a password. Pipe it in with --password-stdin."),
    ],
)
def test_a_password_that_cannot_be_used_is_not_set(run: Run, stdin: str, arguments: list[str], says: str) -> None:
    """In one line, and the old one stays."""
    create(run)
    before = row("SELECT hash, changed_at FROM passwords")
    outcome = set_password(run, *arguments, stdin=stdin)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(says)
    assert outcome.err.count("\n") == 1
    assert row("SELECT hash, changed_at FROM passwords") == before
