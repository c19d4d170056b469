"""After a restore, whoever followed the feed hears what was cut off, wherever it stood; old refresh tokens are dead."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jotary.oauth.secret import Secret
from jotary.server.flows.revocation_feed import RevocationFeed
from jotary.server.keyring import make_keyring
from jotary.server.model.changes import AddClient, AddRevocation, AddUser
from jotary.server.model.client import Client
from jotary.server.model.revocation import Revocation
from jotary.server.model.user import User
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store
from jotary.server.store.backup import BackupKey, Restoring, restore_backup, write_backup
from jotary.tokens.revocation_feed import check_feed
from jotary.verifier.follower import open_feed
from jotary.verifier.revocations import RevocationList, cut_off

pytestmark = pytest.mark.anyio

KEY = BackupKey(bytes(range(32)))
SETTINGS = Settings(issuer="https://id.example.com", secret=Secret("a secret of 32 bytes, or of a few more"))


class Follower:
    """What an API knows of a feed, by the verifier's own code."""

    def __init__(self) -> None:
        self.revocations = RevocationList()
        self.position = 0

    async def follow(self, store: Store, now: int) -> None:
        """Take one answer of a server that was just started on the store."""
        keyring = make_keyring(SETTINGS, store, clock=lambda: now, entropy=os.urandom)
        await keyring.refresh()
        feed = RevocationFeed(store, keyring, lambda: now, issuer=SETTINGS.issuer, renew_keys=keyring.refresh)
        answer = await feed.answer(after=self.position)
        claims = open_feed(answer.token, keyring.public_keys()).claims
        known = check_feed(claims, issuer=SETTINGS.issuer, after=self.position, now=now, leeway=5)
        cut_off(self.revocations, known.entries, leeway=5)
        self.position = known.position

    def knows(self) -> set[str]:
        """The values that are cut off."""
        return {entry.value for entry in self.revocations}


@pytest.mark.parametrize("further", [0, 1, 2, 3, 50])
async def test_a_follower_hears_of_a_restore_wherever_it_stands(
    empty_store: Store, database_url: str, new_database_url: str, user: User, client: Client, now: int, tmp_path: Path,
    further: int,
) -> None:  # fmt: skip
    """Also where the lost database had come just as far as the restored one would have, were it to count on."""
    store, follower = empty_store, Follower()
    await store.commit(AddUser(user), AddClient(client), _entry("before", now))
    await follower.follow(store, now)
    path = tmp_path / "b"
    details: dict[str, Any] = {"issuer": SETTINGS.issuer, "version": "1", "now": now, "salt": os.urandom(32)}
    _in_thread(write_backup, database_url, path, KEY, **details)
    for number in range(further):
        await store.commit(_entry(f"after-{number}", now))
    await follower.follow(store, now)
    assert len(follower.knows()) == further + 1

    how = Restoring(issuer=SETTINGS.issuer, now=now + 60, cut_off_until=now + 900)
    _in_thread(restore_backup, new_database_url, path, KEY, how, lambda *_: None)
    restored = await open_store(new_database_url)
    before = follower.position
    await follower.follow(restored, now + 60)
    assert client.id in follower.knows()
    assert "before" in follower.knows()
    assert follower.position > before
    await restored.commit(_entry("new", now + 61))
    await follower.follow(restored, now + 61)
    assert "new" in follower.knows()
    await restored.close()


def _entry(value: str, now: int) -> AddRevocation:
    return AddRevocation(Revocation(kind="sid", value=value, issued_before=now, created_at=now, expires_at=now + 900))


def _in_thread(work: Callable[..., object], *arguments: object, **details: object) -> None:
    with ThreadPoolExecutor(1) as thread:  # no event loop runs there
        thread.submit(work, *arguments, **details).result()
