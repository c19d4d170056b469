"""`jotary session` and `jotary key`."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from jotary.cli.key_rows import described
from jotary.oauth.secret import Secret
from jotary.server.app import prepare
from jotary.server.keyring import Sealer
from jotary.server.keyring.stamp import stamped
from jotary.server.model.changes import AddClient, AddSession, AddUser
from jotary.server.model.client import Client
from jotary.server.model.session import Session
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.settings import Settings
from jotary.server.store import open_store

Run = Callable[..., Any]
NOW = int(time.time())


def session(session_id: str, user_id: str, **changed: Any) -> Session:
    """A living session."""
    values: dict[str, Any] = {
        "scopes": ("openid", "todo:read"),
        "resources": ("https://todo.example.com",),
        "authenticated_at": NOW,
        "created_at": NOW,
        "rotated_at": NOW,
        "idle_expires_at": NOW + 3600,
        "expires_at": NOW + 7200,
    }
    return Session(
        **{"id": session_id, "user_id": user_id, "client_id": "web", "sign_in_id": None, **values, **changed}
    )


async def fill() -> None:
    """Ada with two living sessions and a dead one, Bob with one."""
    store = await open_store("sqlite:///jotary.db")
    await store.commit(
        *(AddUser(User(id=name, email=f"{name}@example.com", created_at=NOW)) for name in ("ada", "bob")),
        AddClient(Client(id="web", name="Web", type="web", token_endpoint_auth_method="none", created_at=NOW)),
        AddSession(session("a1", "ada")),
        AddSession(session("a2", "ada")),
        AddSession(session("a3", "ada", idle_expires_at=NOW - 1)),
        AddSession(session("b1", "bob")),
    )
    await store.close()


@pytest.fixture
def people(run: Run) -> Run:
    """The command line over a database with sessions."""
    asyncio.run(fill())
    return run


def listed(run: Run, *arguments: str) -> list[str]:
    """The ids of the listed sessions, sorted."""
    return sorted(each["id"] for each in run("session", "list", "--json", *arguments).json())


def test_living_sessions_are_listed(people: Run) -> None:
    """All, or those of one person; the members that programs build on."""
    assert listed(people) == ["a1", "a2", "b1"]
    assert listed(people, "--user", "ADA@example.com") == ["a1", "a2"]
    (only,) = people("session", "list", "--user", "bob", "--json").json()
    assert only == {
        "id": "b1",
        "user_id": "bob",
        "client_id": "web",
        "scope": "openid todo:read",
        "audiences": ["https://todo.example.com"],
        "created_at": NOW,
        "rotated_at": NOW,
        "idle_expires_at": NOW + 3600,
        "expires_at": NOW + 7200,
    }


def test_sessions_are_listed_for_people(people: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are."""
    monkeypatch.setattr("jotary.cli.session._PAGE", 1)
    head, *lines = people("session", "list").out.splitlines()
    assert head.split() == ["id", "user", "id", "client", "id", "refreshed", "ends"]
    assert [line.split()[0] for line in lines] == ["a1", "a2", "b1"]


def test_one_session_is_revoked(people: Run) -> None:
    """Its tokens are cut off."""
    assert people("session", "revoke", "a1").out == "Revoked the session a1.\n"
    assert listed(people) == ["a2", "b1"]
    with closing(sqlite3.connect("jotary.db")) as database:
        assert database.execute("SELECT kind, value FROM revocations").fetchall() == [("sid", "a1")]


def test_all_sessions_of_a_person_are_revoked(people: Run) -> None:
    """By id or by address."""
    assert (
        people("session", "revoke", "--user", "ada@example.com").out
        == "Revoked every session of ada@example.com (ada).\n"
    )
    assert listed(people) == ["b1"]


@pytest.mark.parametrize("arguments", [[], ["a1", "--user", "ada"]])
def test_revoking_takes_a_session_or_a_person(people: Run, arguments: list[str]) -> None:
    """Neither or both is a mistake; nothing is revoked."""
    outcome = people("session", "revoke", *arguments)
    assert outcome.code == 2
    assert "Name either a session or a --user." in outcome.err
    assert listed(people) == ["a1", "a2", "b1"]


@pytest.mark.parametrize("arguments", [["a"], ["--user", "a"]])
def test_an_unknown_session_or_person_is_said(people: Run, arguments: list[str]) -> None:
    """A mistyped id must not look like a success."""
    outcome = people("session", "revoke", *arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert "jotary session list" in outcome.err or "jotary user list" in outcome.err


def test_with_nobody_signed_in_it_says_so(run: Run) -> None:
    """For people; an empty list for programs."""
    assert run("session", "list").out == "Nobody is signed in.\n"
    assert run("session", "list", "--json").json() == []


@pytest.fixture
def with_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line over a database in which a server has made its first key."""
    monkeypatch.setenv("JOTARY_SECRET", "0123456789abcdefghijklmnopqrstuvwxyz")
    asyncio.run(prepare(Settings(secret=Secret("0123456789abcdefghijklmnopqrstuvwxyz"))))
    return run


def phases(keys: list[dict[str, Any]]) -> list[str]:
    """Where the keys are in their lives."""
    return [key["phase"] for key in keys]


def test_keys_are_listed_without_their_private_parts(with_key: Run) -> None:
    """The members that programs build on."""
    (key,) = with_key("key", "list", "--json").json()
    assert key == {
        "kid": key["kid"],
        "alg": "ES256",
        "phase": "signing",
        "announced_at": key["announced_at"],
        "signing_from": key["announced_at"],
        "retiring_from": None,
        "gone_from": None,
        "held_by": "server",
        "sealed_under": "secret",
    }
    head, line = with_key("key", "list").out.splitlines()
    assert head.split() == ["kid", "alg", "phase", "signs", "from", "retires", "gone", "held", "by", "sealed", "under"]
    assert line.split()[:3] == [key["kid"], "ES256", "signing"]


def test_a_rotation_announces_the_next_key_first(with_key: Run) -> None:
    """Design §6.2: nobody is surprised. Rotating again is the same rotation."""
    keys = with_key("key", "rotate", "--json").json()
    assert phases(keys) == ["signing", "announced"]
    assert keys[0]["retiring_from"] == keys[1]["signing_from"] >= keys[1]["announced_at"] + 300
    assert with_key("key", "rotate", "--json").json() == keys


def test_after_a_compromise_a_new_key_signs_at_once(with_key: Run) -> None:
    """Design §6.2: the others are withdrawn."""
    assert phases(with_key("key", "rotate", "--compromised", "--json").json()) == ["gone", "signing"]
    assert "signing" in with_key("key", "list").out


def test_without_a_key_it_says_who_makes_one(run: Run) -> None:
    """A database on which no server has run."""
    assert run("key", "list").out == "There is no key yet; the server makes the first one when it starts.\n"
    assert run("key", "list", "--json").json() == []


OLD, NEW = "0123456789abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba9876543210"


def test_keys_are_resealed_after_the_secret_was_replaced(with_key: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list says when the old secret may be forgotten."""
    (before,) = with_key("key", "list", "--json").json()
    monkeypatch.setenv("JOTARY_SECRET", NEW)
    (unknown,) = with_key("key", "list", "--json").json()
    assert (unknown["held_by"], unknown["sealed_under"]) == ("unknown", "an unknown secret")
    refused = with_key("key", "reseal")
    assert refused.code == 1
    assert "accepted_secrets" in refused.err

    monkeypatch.setenv("JOTARY_ACCEPTED_SECRETS", OLD)
    assert with_key("key", "list", "--json").json() == [{**before, "sealed_under": "an accepted secret"}]
    assert with_key("key", "reseal", "--json").json() == [before]
    monkeypatch.delenv("JOTARY_ACCEPTED_SECRETS")
    assert with_key("key", "list", "--json").json() == [before]
    assert with_key("key", "reseal").code == 0


def test_a_key_is_said_to_need_the_old_secret_as_long_as_its_stamp_does() -> None:
    """Sealed under the new one, and retired since by a server that stamps under the old."""
    old, new = Sealer(bytes(32)), Sealer(bytes(range(32)), bytes(32))
    sealed = new.seal(b"{}", kid="one", nonce=bytes(12))
    key = SigningKey(
        id="one", algorithm="ES256", public_jwk={}, sealed_private_key=sealed, announced_at=1, signing_from=1
    )
    for sealer, under in ((old, "an accepted secret"), (new, "secret")):
        (shown,) = described([stamped(key, sealer, bytes)], new, NOW)
        assert shown["sealed_under"] == under


def test_where_keys_are_external_the_server_makes_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in peace nor in an emergency: a key of its own would be a weaker one, and nobody would notice."""
    monkeypatch.setenv("JOTARY_SIGNING_KEYS", "external")
    for arguments in ([], ["--compromised"]):
        refused = run("key", "rotate", *arguments)
        assert refused.code == 1
        assert "jotary key add" in refused.err
    assert run("key", "list", "--json").json() == []


@pytest.mark.parametrize("arguments", [[], ["--pkcs11", "one", "--kms", "two"]])
def test_exactly_one_key_is_added(run: Run, arguments: list[str]) -> None:
    """Which one is said by where it is."""
    refused = run("key", "add", *arguments)
    assert refused.code == 2
    assert "--pkcs11 LABEL or --kms ARN" in refused.err


def test_an_hsm_that_the_settings_do_not_name_is_said_to_be_missing(run: Run) -> None:
    """With the settings that name it."""
    refused = run("key", "add", "--pkcs11", "one")
    assert refused.code == 1
    assert refused.err == (
        "Error: the settings do not name the HSM. "
        "Give pkcs11_library, pkcs11_token, and pkcs11_pin_file or JOTARY_PKCS11_PIN.\n"
    )
