"""What retention removes, beside others and under a new secret."""

from collections.abc import Callable
from typing import Any

import pytest

from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import Sealing
from jotary.server.flows.audit.verification import verify
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.model.sealed_event import SealedEvent
from jotary.server.store import Store

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)
NEW_KEYS = (b"o" * 32,)
DAY = 86_400


class _Meanwhile:
    """A store in which another process seals one more event behind each look at the trail."""

    def __init__(self, store: Store, more: Event) -> None:
        self._store, self._more = store, more

    async def sealed_events(self, **details: Any) -> list[SealedEvent]:
        found = list(await self._store.sealed_events(**details))
        await self._store.commit(AddEvent(self._more))
        await Sealing(self._store, KEYS)(self._more.at)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_whoever_comes_second_leaves_it_for_the_next_time(
    trail: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """Of two processes that move the record one does: else the head of the other would be lost."""
    store: Any = _Meanwhile(trail, event(8, now))
    assert await purge_events(store, KEYS, retention=DAY, now=now + 9 * DAY) == 0
    report = await verify(trail, KEYS)
    assert (report.sealed, report.finding) == (8, None)
    assert await purge_events(trail, KEYS, retention=DAY, now=now + 9 * DAY) == 8


async def test_the_record_that_it_moves_is_stamped_under_the_new_secret(trail: Store, now: int) -> None:
    """Or a server that has forgotten the old one would find its trail broken."""
    assert await purge_events(trail, (*NEW_KEYS, *KEYS), retention=DAY, now=now + 9 * DAY) == 7
    assert (await verify(trail, NEW_KEYS)).finding is None


async def test_it_goes_by_whole_days(empty_store: Store, now: int, event: Callable[[int, int], Event]) -> None:
    """A day's events go together: else each look would remove some, and add one that says so."""
    day = now // DAY * DAY
    for hour in (0, 12):
        await empty_store.commit(AddEvent(event(hour, day + hour * 3600)))
    await Sealing(empty_store, KEYS)(now)
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 2 * DAY - 1) == 0
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 2 * DAY) == 2


async def test_a_clock_that_went_back_removes_nothing_out_of_turn(
    empty_store: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """Positions go on, moments do not: what is old goes from the front only, and the trail stays whole."""
    day = now // DAY * DAY
    for number, at in enumerate((day, day - 90 * DAY, day + DAY, day - 90 * DAY)):
        await empty_store.commit(AddEvent(event(number, at)))
    await Sealing(empty_store, KEYS)(day - 90 * DAY)
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day - 89 * DAY) == 0
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 2 * DAY) == 2
    report = await verify(empty_store, KEYS)
    assert (report.sealed, report.finding) == (2, None)
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 3 * DAY) == 2
