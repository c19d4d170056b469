"""Going back to a backup when retention has removed what happened since: what is not known to be safe stays out."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import Sealing
from jotary.server.flows.audit.verification import verify
from jotary.server.model.changes import AddEvent, AddUser, DeleteClient, DeleteUser
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.store import Store, open_store
from jotary.server.store.backup import BackupKey, Restored, Restoring, restore_backup, write_backup

pytestmark = pytest.mark.anyio

KEY = BackupKey(bytes(range(32)))
KEYS = (b"k" * 32,)
ISSUER = "https://id.example.com"
DAY = 86_400


@pytest.fixture
def back_up(database_url: str, tmp_path: Path, now: int) -> Callable[[], None]:
    """Write a backup."""

    def back_up() -> None:
        details: dict[str, Any] = {"issuer": ISSUER, "version": "1", "now": now, "salt": os.urandom(32)}
        with ThreadPoolExecutor(1) as thread:  # no event loop runs there
            thread.submit(write_backup, database_url, tmp_path / "b", KEY, **details).result()

    return back_up


@pytest.fixture
def go_back(database_url: str, tmp_path: Path, now: int) -> Callable[..., Restored]:
    """Restore it ten days later."""

    def go_back(url: str = database_url) -> Restored:
        at = now + 10 * DAY
        how = Restoring(issuer=ISSUER, now=at, cut_off_until=at + 600, replaces=True)
        with ThreadPoolExecutor(1) as thread:  # no event loop runs there
            return thread.submit(restore_backup, url, tmp_path / "b", KEY, how, lambda *_: None).result()

    return go_back


async def forget(store: Store, before: int) -> None:
    """Let retention remove what is older."""
    await Sealing(store, KEYS)(before)
    assert await purge_events(store, KEYS, retention=DAY, now=before + DAY) > 0


async def test_whoever_was_deleted_stays_so_when_the_trail_has_forgotten_it(
    store: Store, back_up: Callable[[], None], go_back: Callable[..., Restored], user: User, client: Client, now: int
) -> None:
    """An account that its owner had deleted must not come back with its password."""
    await store.commit(AddEvent(Event(kind="user.created", at=now, user_id=user.id)))
    back_up()
    await store.commit(
        DeleteUser(user.id),
        DeleteClient(client.id),
        AddEvent(Event(kind="user.deleted", at=now + 1, user_id=user.id)),
        AddEvent(Event(kind="client.deleted", at=now + 1, client_id=client.id)),
    )
    await forget(store, now + 9 * DAY)
    assert go_back().left_out == {"users": 1, "clients": 1}
    assert await store.user(user.id) is None
    assert await store.client(client.id) is None


async def test_whoever_went_without_a_trace_comes_back_when_the_trail_reaches_to_the_backup(
    store: Store, back_up: Callable[[], None], go_back: Callable[..., Restored], user: User, now: int
) -> None:
    """What retention has removed is older than the backup, so no deletion is forgotten."""
    await store.commit(AddEvent(Event(kind="user.created", at=now - 9 * DAY)))
    await store.commit(AddEvent(Event(kind="sign_in.accepted", at=now)))
    await forget(store, now - DAY)
    back_up()
    await store.commit(DeleteUser(user.id), AddEvent(Event(kind="sign_in.accepted", at=now + 1)))
    assert go_back().left_out == {"users": 0, "clients": 0}
    assert await store.user(user.id) == user


@pytest.mark.usefixtures("store")
async def test_a_trail_that_begins_after_the_backup_has_forgotten_nothing(
    back_up: Callable[[], None], go_back: Callable[..., Restored], new_database_url: str, user: User, now: int
) -> None:
    """A server that was started anew after a loss, with an account already: the others come back."""
    back_up()
    started = await open_store(new_database_url)
    late = replace(user, id="late", email="late@example.com")
    await started.commit(AddUser(late), AddEvent(Event(kind="user.created", at=now + DAY, user_id=late.id)))
    assert go_back(new_database_url).left_out == {"users": 0, "clients": 0}
    assert await started.user(user.id) == user
    await started.close()


async def test_the_present_trail_goes_on_though_retention_has_removed_where_the_backups_ends(
    store: Store, back_up: Callable[[], None], go_back: Callable[..., Restored], now: int
) -> None:
    """The same chain: what is too old does not return, and a head that was noted is still in it."""
    await store.commit(AddEvent(Event(kind="a.sealed", at=now)))
    await Sealing(store, KEYS)(now)
    back_up()
    await store.commit(AddEvent(Event(kind="a.later", at=now)))
    await forget(store, now + 9 * DAY)
    chain = (await Sealing(store, KEYS)(now + 9 * DAY)).chain
    assert chain is not None
    go_back()
    assert [event.kind for event in await store.events()] == ["audit.purged", "database.restored"]
    assert (await verify(store, KEYS, noted=chain.head_seal)).finding is None


async def test_another_trail_than_the_backups_is_no_continuation_of_it(
    store: Store, back_up: Callable[[], None], go_back: Callable[..., Restored], now: int
) -> None:
    """However far it has come: both are kept."""
    await store.commit(AddEvent(Event(kind="a.first", at=now)))
    await Sealing(store, KEYS)(now)
    back_up()
    await Sealing(store, KEYS).begin_anew(now + 1)
    await store.commit(AddEvent(Event(kind="b.later", at=now + 1)))
    await forget(store, now + 9 * DAY)
    go_back()
    kinds = [event.kind for event in await store.events()]
    assert kinds == ["a.first", "audit.purged", "database.restored"]
    await Sealing(store, KEYS)(now + 10 * DAY)
    assert (await verify(store, KEYS)).finding is None
