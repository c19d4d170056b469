"""A restore leaves a trail that verifies, wherever the backup came from and whatever was sealed meanwhile."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jotary.server.flows.audit.sealing import Sealing
from jotary.server.flows.audit.verification import verify
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.store import Store, open_store
from jotary.server.store.backup import BackupKey, Restoring, restore_backup, write_backup

pytestmark = pytest.mark.anyio

KEY = BackupKey(bytes(range(32)))
KEYS = (b"k" * 32,)
ISSUER = "https://id.example.com"


def back_up(url: str, path: Path, now: int) -> None:
    """Write a backup."""
    details: dict[str, Any] = {"issuer": ISSUER, "version": "1", "now": now, "salt": os.urandom(32)}
    with ThreadPoolExecutor(1) as thread:  # no event loop runs there
        thread.submit(write_backup, url, path, KEY, **details).result()


@pytest.fixture
async def backed_up(store: Store, database_url: str, tmp_path: Path, now: int) -> Store:
    """A store of which there is a backup, with a sealed event and one that was not sealed yet."""
    await store.commit(AddEvent(Event(kind="a.sealed", at=now)))
    await Sealing(store, KEYS)(now)
    await store.commit(AddEvent(Event(kind="a.fresh", at=now)))
    back_up(database_url, tmp_path / "b", now)
    return store


@pytest.fixture
def restore(tmp_path: Path, now: int) -> Callable[..., None]:
    """Restore the backup."""

    def restore(url: str, **how: Any) -> None:
        restoring = Restoring(issuer=ISSUER, now=now + 60, cut_off_until=now + 600, actor="root", **how)
        with ThreadPoolExecutor(1) as thread:  # no event loop runs there
            thread.submit(restore_backup, url, tmp_path / "b", KEY, restoring, lambda _sealed, _kid: None).result()

    return restore


async def kinds_of_sealed(store: Store, now: int) -> list[str]:
    """Of all events, once they are sealed and verified; before, too, nothing looks tampered with."""
    assert (await verify(store, KEYS)).finding is None
    await Sealing(store, KEYS)(now)
    report = await verify(store, KEYS)
    assert (report.finding, report.unsealed) == (None, 0)
    return [event.kind for event in await store.events()]


async def test_the_present_trail_goes_on(
    backed_up: Store, database_url: str, restore: Callable[..., None], now: int
) -> None:
    """What was sealed since the backup is not a second trail."""
    head = (await Sealing(backed_up, KEYS)(now)).chain
    restore(database_url, replaces=True)
    assert await kinds_of_sealed(backed_up, now) == ["a.sealed", "a.fresh", "database.restored"]
    assert head is not None
    assert (await verify(backed_up, KEYS, noted=head.head_seal)).finding is None
    assert (await backed_up.events())[-1].actor == "root"


@pytest.mark.usefixtures("backed_up")
@pytest.mark.parametrize("nothing_since", [True, False])
async def test_the_backups_chain_goes_on_in_a_new_database(
    new_database_url: str, restore: Callable[..., None], now: int, *, nothing_since: bool
) -> None:
    """With its own head."""
    restore(new_database_url, nothing_since=nothing_since)
    store = await open_store(new_database_url)
    assert await kinds_of_sealed(store, now) == ["a.sealed", "a.fresh", "database.restored"]
    await store.close()


@pytest.mark.parametrize("count", [1, 7])
async def test_the_events_of_two_trails_never_meet(
    backed_up: Store, database_url: str, new_database_url: str, restore: Callable[..., None], tmp_path: Path, now: int,
    count: int,
) -> None:  # fmt: skip
    """Whichever is the longer one: both count from 1."""
    theirs = [f"a.{number}" for number in range(2)]
    await backed_up.commit(*(AddEvent(Event(kind=kind, at=now)) for kind in theirs))
    (tmp_path / "b").unlink()
    back_up(database_url, tmp_path / "b", now)
    store = await open_store(new_database_url)
    for number in range(count):
        await store.commit(AddEvent(Event(kind=f"b.{number}", at=now)))
    restore(new_database_url)
    ours = [f"b.{number}" for number in range(count)]
    assert await kinds_of_sealed(store, now) == ["a.sealed", "a.fresh", *theirs, *ours, "database.restored"]
    await store.close()


@pytest.mark.usefixtures("backed_up")
async def test_a_second_trail_is_sealed_anew_behind_the_backups(
    new_database_url: str, restore: Callable[..., None], now: int
) -> None:
    """A server that was started on the empty database has sealed its first events there."""
    store = await open_store(new_database_url)
    await store.commit(AddEvent(Event(kind="b.started", at=now)))
    await Sealing(store, KEYS)(now)
    restore(new_database_url)
    assert await kinds_of_sealed(store, now) == ["a.sealed", "a.fresh", "b.started", "database.restored"]
    await store.close()
