"""The time of a database (`ports`, design §6.1)."""

import time

import pytest

from jotary.server.store import Store

pytestmark = pytest.mark.anyio

_ONE_MACHINE = 5  # seconds that a call may take on a busy one


async def test_a_database_server_tells_its_time(store: Store) -> None:
    """In Unix seconds, by the moment; a file has the clock of the machine that it is on."""
    before, told = int(time.time()), await store.time()
    assert told is None or before <= told <= before + _ONE_MACHINE
