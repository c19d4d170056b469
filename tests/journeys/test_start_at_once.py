"""Servers that start at the same moment on a database in which there is nothing: one schema, one signing key."""

import asyncio
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx2
import pytest

from faults.spawner import Spawner
from jotary.server.model.event import Event
from jotary.server.model.signing_key import SigningKey
from jotary.server.store import open_store

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="servers are forked with what Linux has")

SERVERS = 10


async def _kept(url: str) -> tuple[Sequence[SigningKey], Sequence[Event]]:
    store = await open_store(url)
    try:
        return await store.signing_keys(), await store.events()
    finally:
        await store.close()


def test_ten_servers_that_start_at_once_have_one_key(tmp_path: Path, new_database_url: str) -> None:
    """Design §6.2, §6.7: none publishes a key that another lacks; the audit trail tells of one that was made."""
    environment = {"JOTARY_DATABASE": new_database_url, "JOTARY_SECRET": secrets.token_urlsafe(32)}
    with Spawner(tmp_path) as spawner:
        doors = [spawner.open_door() for _ in range(SERVERS)]
        for door in doors:
            spawner.start(door, {**environment, "JOTARY_ISSUER": doors[0].origin})
        with httpx2.Client(timeout=60, trust_env=False) as client:
            key_sets = [client.get(f"{door.origin}/.well-known/jwks.json").json()["keys"] for door in doors]
    keys, events = asyncio.run(_kept(new_database_url))
    assert len(keys) == 1
    assert [[key["kid"] for key in key_set] for key_set in key_sets] == [[keys[0].id]] * SERVERS
    assert [event.kind for event in events if event.kind.startswith("key.")] == ["key.announced"]
