"""A restore revives nothing that was revoked: with what the present database knows, and where it knows nothing."""

import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jotary.server.keyring import SealError
from jotary.server.model.changes import (
    AddClient,
    AddCode,
    AddEvent,
    AddRevocation,
    AddSession,
    AddSigningKey,
    AddUser,
    DeleteClient,
    DeleteUser,
    PutConsent,
    PutPassword,
    RememberAssertion,
    ReplaceClient,
    ReplaceUser,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.revocation import Revocation
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.signing_key import SigningKey
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store, open_store
from jotary.server.store.backup import BackupError, BackupKey, Restored, Restoring, restore_backup, write_backup
from jotary.server.store.backup.merging import BROUGHT, ENDED, KEPT, Merging
from jotary.server.store.schema import metadata

pytestmark = pytest.mark.anyio

KEY = BackupKey(bytes(range(32)))
ISSUER = "https://id.example.com"
LATER = 3600  # seconds between backup and restore

Restore = Callable[..., Restored]


def back_up(url: str, path: Path, now: int) -> None:
    """Write a backup."""
    details: dict[str, Any] = {"issuer": ISSUER, "version": "1", "now": now, "salt": os.urandom(32)}
    with ThreadPoolExecutor(1) as thread:  # no event loop runs there
        thread.submit(write_backup, url, path, KEY, **details).result()


@pytest.fixture
async def backed_up(
    store: Store,
    session: Session,
    code: AuthorizationCode,
    user: User,
    client: Client,
    database_url: str,
    tmp_path: Path,
    now: int,
) -> Store:
    """A store with one of everything, of which there is a backup."""
    key = SigningKey(
        id="kid", algorithm="ES256", public_jwk={}, sealed_private_key=b"sealed", announced_at=now, signing_from=now
    )
    await store.commit(
        PutPassword(Password(user_id=user.id, hash="old", changed_at=now)),
        PutConsent(Consent(user_id=user.id, client_id=client.id, scopes=("openid",), granted_at=now)),
        AddSession(session),
        AddCode(code),
        AddSigningKey(key),
        AddRevocation(Revocation(kind="sid", value="s", issued_before=now, created_at=now, expires_at=now + 2 * LATER)),
        AddRevocation(Revocation(kind="sid", value="x", issued_before=now, created_at=now, expires_at=now + 60)),
        RememberAssertion(client.id, "jti", now + LATER),
        RememberAssertion("", "signing key beside …", now + LATER),
        AddEvent(Event(kind="user.created", at=now, user_id=user.id)),
    )
    back_up(database_url, tmp_path / "b", now)
    return store


@pytest.fixture
def restore(tmp_path: Path, now: int) -> Restore:
    """Restore the backup an hour later."""

    def restore(url: str, **how: Any) -> Restored:
        def open_key(sealed: bytes, _kid: str) -> None:
            if sealed != b"sealed":
                raise SealError("another secret")

        at = now + LATER
        restoring = Restoring(**{"issuer": ISSUER, "now": at, "cut_off_until": at + 600, **how})
        with ThreadPoolExecutor(1) as thread:  # no event loop runs there
            return thread.submit(restore_backup, url, tmp_path / "b", KEY, restoring, open_key).result()

    return restore


@pytest.fixture
async def empty(backed_up: Store, new_database_url: str, restore: Restore) -> AsyncIterator[Store]:
    """A new database into which the backup was restored: nothing is known of what happened since."""
    restore(new_database_url)
    found = await open_store(new_database_url)
    yield found
    await found.close()


def test_every_table_has_a_rule() -> None:
    """A table that is forgotten here would be lost, or come alive."""
    assert set(BROUGHT) | {table.name for table in (*ENDED, *KEPT)} == set(metadata.tables)


async def test_accounts_and_clients_come_back(empty: Store, user: User, client: Client, now: int) -> None:
    """As they were, passwords included; the trail goes on and says so."""
    assert await empty.user(user.id) == user
    assert await empty.client(client.id) == client
    password = await empty.password(user.id)
    assert password is not None
    assert password.hash == "old"
    trail = await empty.events()
    assert [(event.kind, event.position) for event in trail] == [("user.created", 1), ("database.restored", 2)]
    assert trail[1].detail["made_at"] == now


async def test_no_session_sign_in_or_code_comes_alive(
    empty: Store, session: Session, sign_in: SignIn, code: AuthorizationCode
) -> None:
    """Which of them were ended since the backup is not known, so all of them were."""
    assert await empty.session(session.id) is None
    assert await empty.sign_in(sign_in.id) is None
    assert await empty.code(code.id) is None


async def test_a_consent_that_may_have_been_withdrawn_is_asked_for_again(
    empty: Store, user: User, client: Client
) -> None:
    """It is one click, and nobody knows."""
    assert await empty.consent(user.id, client.id) is None


async def test_a_key_of_the_backup_neither_signs_nor_verifies(empty: Store, now: int) -> None:
    """It may have been withdrawn as compromised since."""
    (key,) = await empty.signing_keys()
    assert (key.sealed_private_key, key.retiring_from, key.gone_from) == (b"", now + LATER, now + LATER)


async def test_a_key_that_was_gone_before_the_backup_is_not_cut_off_anew(
    backed_up: Store, restore: Restore, new_database_url: str, tmp_path: Path, database_url: str, now: int
) -> None:
    """Nobody takes it any more, and a feed names no more than it has to. One that was to go later goes now."""
    gone = SigningKey(
        id="old", algorithm="ES256", public_jwk={}, sealed_private_key=b"", announced_at=1, signing_from=1,
        retiring_from=2, gone_from=3,
    )  # fmt: skip
    leaving = replace(gone, id="leaving", retiring_from=now + 1, gone_from=now + 2 * LATER)
    await backed_up.commit(AddSigningKey(gone), AddSigningKey(leaving))
    (tmp_path / "b").unlink()
    back_up(database_url, tmp_path / "b", now)
    restore(new_database_url)
    restored = await open_store(new_database_url)
    cut_off = {entry.value for entry in await restored.revocations(now=now) if entry.kind == "kid"}
    assert cut_off == {"kid", "leaving"}
    ends = {key.id: (key.retiring_from, key.gone_from) for key in await restored.signing_keys()}
    assert ends == {"old": (2, 3), "leaving": (now + 1, now + LATER), "kid": (now + LATER, now + LATER)}
    await restored.close()


async def test_every_access_token_is_cut_off(empty: Store, client: Client, now: int) -> None:
    """By its client: each names one (RFC 9068 §2.2). What was cut off before stays so while it matters."""
    found = await empty.revocations(now=now + LATER)
    ends = {entry.kind: entry.expires_at for entry in found}
    assert {(entry.kind, entry.value, entry.issued_before) for entry in found} == {
        ("sid", "s", now),
        ("client_id", client.id, now + LATER),
        ("kid", "kid", ends["kid"]),  # whatever `iat` a thief writes
    }
    assert ends["client_id"] == now + LATER + 600
    assert ends["kid"] > now + LATER + 86_400  # APIs may keep keys for a day


async def test_the_feed_goes_on_behind_every_position_that_was_given(empty: Store, now: int) -> None:
    """Design §6.3: a follower ahead of the backup must not stand, by chance, just where the restored feed ends."""
    found = await empty.revocations(now=now)
    assert min(entry.position for entry in found) > (now + LATER) * 1000
    entry = Revocation(kind="sid", value="n", issued_before=now, created_at=now, expires_at=now + 2 * LATER)
    await empty.commit(AddRevocation(entry))
    assert (await empty.revocations(now=now))[-1].value == "n"


async def test_the_feed_goes_on_behind_the_backup_though_the_clock_went_back(
    backed_up: Store, restore: Restore, new_database_url: str, now: int
) -> None:
    """A follower that has heard the backup's last entry must hear what comes."""
    last = (await backed_up.revocations(now=0))[-1].position
    restore(new_database_url, now=0, cut_off_until=600)
    restored = await open_store(new_database_url)
    assert min(entry.position for entry in await restored.revocations(now=0)) > last
    await restored.close()


async def test_a_used_assertion_stays_used(empty: Store, client: Client, now: int) -> None:
    """RFC 7523 §3. The places of signing keys are not taken, or no key could be announced."""
    with pytest.raises(Conflict):
        await empty.commit(RememberAssertion(client.id, "jti", now + LATER))
    await empty.commit(RememberAssertion("", "signing key beside …", now + LATER))


async def test_a_database_with_accounts_is_not_overwritten(
    backed_up: Store, restore: Restore, database_url: str, session: Session
) -> None:
    """Unless one says so; nothing is written."""
    with pytest.raises(BackupError, match="has accounts"):
        restore(database_url)
    with pytest.raises(BackupError, match="has accounts"):
        restore(database_url, nothing_since=True)
    assert await backed_up.session(session.id) == session


async def test_with_replace_whoever_was_deleted_stays_deleted(
    backed_up: Store, restore: Restore, database_url: str, user: User, client: Client, now: int
) -> None:
    """The present trail knows; twice, too: the trail that knows it is not lost by a restore."""
    await backed_up.commit(
        DeleteUser(user.id),
        DeleteClient(client.id),
        AddEvent(Event(kind="user.deleted", at=now, user_id=user.id)),
        AddEvent(Event(kind="client.deleted", at=now, client_id=client.id)),
        AddUser(replace(user, id="other", email="other@example.com")),
    )
    for removed in (1, 0):
        restored = restore(database_url, replaces=True)
        assert restored.left_out == {"users": 1, "clients": 1}
        assert restored.removed == {"users": removed, "clients": 0}
        assert await backed_up.user(user.id) is None
        assert await backed_up.client(client.id) is None


async def test_a_deletion_may_be_told_twice_or_of_nobody(
    backed_up: Store, restore: Restore, database_url: str, user: User, now: int
) -> None:
    """Whoever came back by a restore may have been deleted again; and others may have written to the trail."""
    told = [AddEvent(Event(kind="user.deleted", at=now, user_id=who)) for who in (user.id, user.id, None)]
    await backed_up.commit(DeleteUser(user.id), *told)
    assert restore(database_url, replaces=True).left_out["users"] == 1
    assert await backed_up.user(user.id) is None


async def test_whoever_is_there_stays_though_they_were_deleted_once(
    backed_up: Store, restore: Restore, database_url: str, user: User, now: int
) -> None:
    """The present database knows better than its trail."""
    await backed_up.commit(AddEvent(Event(kind="user.deleted", at=now, user_id=user.id)))
    assert restore(database_url, replaces=True).left_out["users"] == 0
    assert await backed_up.user(user.id) == user


async def test_with_replace_what_was_taken_away_stays_away(
    backed_up: Store, restore: Restore, database_url: str, user: User, client: Client, now: int
) -> None:
    """Disabled accounts, changed passwords and addresses, replaced secrets, removed redirect URIs and scopes."""
    changed = replace(client, secret_sha256=b"new", redirect_uris=("https://new.example.com/",), scopes=("openid",))
    await backed_up.commit(
        ReplaceUser(replace(user, disabled_at=now + 1, email="new@example.com")),
        PutPassword(Password(user_id=user.id, hash="new", changed_at=now + 1)),
        ReplaceClient(changed, client),
    )
    restore(database_url, replaces=True)
    found, password = await backed_up.user(user.id), await backed_up.password(user.id)
    assert found is not None
    assert password is not None
    assert (found.disabled_at, found.email, password.hash) == (now + 1, "new@example.com", "new")
    assert await backed_up.client(client.id) == replace(changed, redirect_uris=())


async def test_with_replace_rights_that_were_withdrawn_since_do_not_come_back(
    backed_up: Store, restore: Restore, database_url: str, user: User, client: Client, tmp_path: Path, now: int
) -> None:
    """An administrator who is none any more, a client that is not the operator's own; and who was disabled stays so."""
    await backed_up.commit(
        ReplaceUser(replace(user, is_admin=True, disabled_at=now)),
        ReplaceClient(replace(client, is_first_party=True), client),
    )
    (tmp_path / "b").unlink()
    back_up(database_url, tmp_path / "b", now)
    await backed_up.commit(ReplaceUser(user), ReplaceClient(client, replace(client, is_first_party=True)))
    restore(database_url, replaces=True)
    assert await backed_up.user(user.id) == replace(user, disabled_at=now)
    assert await backed_up.client(client.id) == client


async def test_with_replace_what_the_backup_did_not_have_goes(
    backed_up: Store, restore: Restore, database_url: str, user: User, client: Client, now: int
) -> None:
    """People, clients, rights as an administrator, what a client may do: and the tokens of those who go."""
    await backed_up.commit(
        AddUser(replace(user, id="late", email="late@example.com")),
        AddClient(replace(client, id="late")),
        PutPassword(Password(user_id="late", hash="h", changed_at=now)),
        PutConsent(Consent(user_id="late", client_id=client.id, scopes=(), granted_at=now)),
        ReplaceUser(replace(user, is_admin=True)),
        ReplaceClient(replace(client, is_first_party=True, scopes=(*client.scopes, "admin")), client),
    )
    assert restore(database_url, replaces=True).removed == {"users": 1, "clients": 1}
    assert await backed_up.user("late") is None
    assert await backed_up.password("late") is None
    assert await backed_up.consent("late", client.id) is None
    assert await backed_up.user(user.id) == user
    assert await backed_up.client(client.id) == client
    cut_off = {entry.value for entry in await backed_up.revocations(now=now + LATER) if entry.kind == "client_id"}
    assert cut_off == {client.id, "late"}


async def test_with_replace_everybody_is_signed_out_and_present_keys_and_consents_stay(
    backed_up: Store, restore: Restore, database_url: str, user: User, client: Client, session: Session
) -> None:
    """The present keys are good; what they signed before is cut off by the feed."""
    restore(database_url, replaces=True)
    (key,) = await backed_up.signing_keys()
    assert (key.sealed_private_key, key.gone_from) == (b"sealed", None)
    assert await backed_up.consent(user.id, client.id) is not None
    assert await backed_up.session(session.id) is None


async def test_an_address_that_somebody_else_has_now_stays_theirs(
    backed_up: Store, restore: Restore, database_url: str, user: User, tmp_path: Path, now: int
) -> None:
    """Its first owner went without a trace, and one whom the backup knows, too, took it."""
    other = replace(user, id="user-2", email="second@example.com")
    await backed_up.commit(AddUser(other))
    (tmp_path / "b").unlink()
    back_up(database_url, tmp_path / "b", now)
    await backed_up.commit(DeleteUser(user.id), ReplaceUser(replace(other, email=user.email)))
    assert restore(database_url, replaces=True).left_out["users"] == 1
    found = await backed_up.user_by_email(user.email)
    assert found is not None
    assert found.id == other.id


async def test_whoever_went_without_a_trace_comes_back(
    backed_up: Store, restore: Restore, database_url: str, user: User
) -> None:
    """That is what a backup is for: rows that were lost, not deleted."""
    await backed_up.commit(DeleteUser(user.id))
    restore(database_url, replaces=True)
    assert await backed_up.user(user.id) == user
    assert await backed_up.password(user.id) is not None


async def test_two_trails_become_one(backed_up: Store, restore: Restore, new_database_url: str, now: int) -> None:
    """A server that was started on the empty database has begun a trail of its own: it follows the backup's."""
    started = await open_store(new_database_url)
    for kind in ("key.announced", "something"):
        await started.commit(AddEvent(Event(kind=kind, at=now)))
    restore(new_database_url)
    trail = await started.events()
    assert [event.kind for event in trail] == ["user.created", "key.announced", "something", "database.restored"]
    await started.commit(AddEvent(Event(kind="next", at=now)))
    assert (await started.events())[-1].kind == "next"
    await started.close()


async def test_a_backup_of_another_issuer_or_schema_is_refused(
    backed_up: Store, restore: Restore, new_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the words that say what to do."""
    with pytest.raises(BackupError, match="is of the issuer"):
        restore(new_database_url, issuer="https://other.example.com")
    restore(new_database_url, issuer="https://other.example.com", any_issuer=True)
    monkeypatch.setattr("jotary.server.store.backup.restoring.HEAD", "0009")
    with pytest.raises(BackupError, match="has the schema") as refused:
        restore(new_database_url)
    assert "upgrades it" in refused.value.hint


async def test_a_damaged_backup_changes_nothing(
    backed_up: Store, restore: Restore, database_url: str, new_database_url: str, tmp_path: Path, session: Session
) -> None:
    """It is read to its end before anything is written."""
    data = bytearray((tmp_path / "b").read_bytes())
    data[-1] ^= 1
    (tmp_path / "b").write_bytes(data)
    for url in (database_url, new_database_url):
        with pytest.raises(BackupError, match="not as it was written"):
            restore(url, replaces=True)
    assert await backed_up.session(session.id) == session
    assert not (tmp_path / "new.db").exists()


async def test_a_restore_that_fails_midway_changes_nothing(
    backed_up: Store, restore: Restore, database_url: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction or none."""

    def fail(_merging: Merging) -> None:
        raise BackupError("midway", hint="")

    monkeypatch.setattr(Merging, "end", fail)
    with pytest.raises(BackupError, match="midway"):
        restore(database_url, replaces=True)
    assert await backed_up.session(session.id) == session
    assert len(await backed_up.events()) == 1
    assert await backed_up.revocations(after=2, now=0) == []


async def test_a_move_signs_nobody_out(
    backed_up: Store, restore: Restore, new_database_url: str, session: Session, now: int
) -> None:
    """`nothing_since`: every row as it was, also where a server was started on the empty database."""
    started = await open_store(new_database_url)
    await started.commit(AddEvent(Event(kind="key.announced", at=now)))
    restore(new_database_url, nothing_since=True)
    assert await started.session(session.id) == session
    assert (await started.signing_keys())[0].sealed_private_key == b"sealed"
    assert [event.kind for event in await started.events()] == ["user.created", "database.restored"]
    entry = Revocation(kind="sid", value="n", issued_before=now, created_at=now, expires_at=now + 9999)
    await started.commit(AddRevocation(entry))
    assert (await started.revocations(now=now))[-1].position > now * 1000
    await started.close()


async def test_a_move_brings_keys_whose_private_part_is_elsewhere_or_gone(
    backed_up: Store, restore: Restore, new_database_url: str, tmp_path: Path, database_url: str, now: int
) -> None:
    """There is nothing to open."""
    retired = SigningKey(
        id="k2", algorithm="ES256", public_jwk={}, sealed_private_key=b"", announced_at=now, signing_from=now
    )
    await backed_up.commit(AddSigningKey(retired))
    (tmp_path / "b").unlink()
    back_up(database_url, tmp_path / "b", now)
    restore(new_database_url, nothing_since=True)


async def test_a_move_to_another_secret_is_refused(
    backed_up: Store, restore: Restore, new_database_url: str, tmp_path: Path, database_url: str, now: int
) -> None:
    """The keys would not open, and no refresh token would be read."""
    other = SigningKey(
        id="k2", algorithm="ES256", public_jwk={}, sealed_private_key=b"other", announced_at=now, signing_from=now
    )
    await backed_up.commit(AddSigningKey(other))
    (tmp_path / "b").unlink()
    back_up(database_url, tmp_path / "b", now)
    with pytest.raises(SealError):
        restore(new_database_url, nothing_since=True)


async def test_a_move_goes_from_any_store_to_any_other(
    backed_up: Store, restore: Restore, database_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    """One format: flags, bytes and positions arrive as they left."""
    url = postgresql_url if database_url.startswith("sqlite") else f"sqlite:///{tmp_path}/moved.db"
    restore(url, nothing_since=True)
    moved = await open_store(url)
    for read in ("users", "clients", "sessions", "signing_keys"):
        assert await getattr(moved, read)() == await getattr(backed_up, read)()
    await moved.close()
