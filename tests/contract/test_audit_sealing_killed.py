"""A sealer that is killed between two batches leaves a chain that the next one goes on with."""

import asyncio
import subprocess
import sys

import pytest

from jotary.server.flows.audit.sealing import BATCH, Sealing
from jotary.server.flows.audit.verification import verify
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.store import Store

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)
COUNT = 40 * BATCH

SEAL = """
import asyncio, sys
from jotary.server.flows.audit.sealing import Sealing
from jotary.server.store import open_store

async def main():
    store = await open_store(sys.argv[1])
    print("ready", flush=True)
    await Sealing(store, (b"k" * 32,))(1)

asyncio.run(main())
"""


async def test_a_sealer_that_is_killed_leaves_a_whole_chain(empty_store: Store, database_url: str, now: int) -> None:
    """The head moves in the transaction in which its events are sealed."""
    for _ in range(40):
        await empty_store.commit(*(AddEvent(Event(kind="x.y", at=now)) for _ in range(BATCH)))
    sealer = subprocess.Popen([sys.executable, "-c", SEAL, database_url], stdout=subprocess.PIPE)  # noqa: ASYNC220 -- it begins at once; this interpreter
    try:
        while (await empty_store.audit_chain()) is None:
            assert sealer.poll() in {None, 0}
            await asyncio.sleep(0.001)
    finally:
        sealer.kill()
        sealer.communicate()
    report = await verify(empty_store, KEYS)
    assert report.finding is None
    assert report.sealed % BATCH == 0
    assert 0 < report.sealed < COUNT
    assert (await Sealing(empty_store, KEYS)(now)).events == COUNT - report.sealed
    assert (await verify(empty_store, KEYS)).finding is None
