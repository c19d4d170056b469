"""The audit trail in every store: sealed in order, verified, read, and purged from the front."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import Sealing
from jotary.server.flows.audit.verification import verify
from jotary.server.model.changes import AddEvent, SealEvent
from jotary.server.model.event import Event, Origin
from jotary.server.model.sealed_event import EventFilter
from jotary.server.store import Store, open_store

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)
OTHER_KEYS = (b"o" * 32,)
DAY = 86_400


async def test_a_whole_trail_is_intact(trail: Store, now: int, event: Callable[[int, int], Event]) -> None:
    """Unsealed events do not disturb it; sealing twice changes nothing."""
    await trail.commit(AddEvent(event(7, now)))
    report = await verify(trail, KEYS)
    assert (report.sealed, report.unsealed, report.finding) == (7, 1, None)
    assert (await Sealing(trail, KEYS)(now + 5)).events == 1
    again = await Sealing(trail, KEYS)(now + 10)
    assert again.events == 0
    assert again.chain is not None
    assert (again.chain.begun_at, again.chain.sealed_at) == (now, now + 5)
    assert (await verify(trail, KEYS, noted=again.chain.head_seal)).finding is None


async def test_a_gap_in_the_positions_is_no_deletion(
    empty_store: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """PostgreSQL gives no position back when a transaction fails; the chain counts events."""
    await empty_store.commit(AddEvent(event(1, now)))
    with contextlib.suppress(Exception):
        await empty_store.commit(AddEvent(event(2, now)), SealEvent(10**6, b"no such event"))
    await empty_store.commit(AddEvent(event(3, now)))
    await Sealing(empty_store, KEYS)(now)
    assert (await verify(empty_store, KEYS)).finding is None
    assert len(await empty_store.sealed_events()) == 2


async def test_a_replaced_secret_breaks_nothing(trail: Store, now: int) -> None:
    """While the old one is accepted, the next sealing stamps under the new one; then it may go."""
    both = (*OTHER_KEYS, *KEYS)
    assert (await verify(trail, both)).finding is None
    finding = (await verify(trail, OTHER_KEYS)).finding
    assert finding is not None
    assert finding.code == "chain_not_genuine"
    assert (await Sealing(trail, both)(now)).events == 0
    assert (await verify(trail, OTHER_KEYS)).finding is None


async def test_an_operator_may_begin_anew(trail: Store, tamper: Callable[..., Any], now: int) -> None:
    """And the trail says that it was done, and what the head was."""
    old = await trail.audit_chain()
    await tamper("UPDATE events SET user_id = 'mallory'")
    assert (await Sealing(trail, KEYS).begin_anew(now + 1)).events == 8
    report = await verify(trail, KEYS)
    assert report.finding is None
    assert report.chain is not None
    assert report.chain.begun_at == now + 1
    last = (await trail.events())[-1]
    assert old is not None
    assert (last.kind, last.detail) == ("audit.begun_anew", {"events": 7, "head": old.head_seal.hex()})


async def test_what_is_old_goes_and_the_rest_stays_verifiable(
    empty_store: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """From the front only, and the anchor moves behind it."""
    day = now // DAY * DAY
    for number in range(6):
        await empty_store.commit(AddEvent(event(number, day + number // 2 * DAY)))
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 99 * DAY) == 0  # nothing is sealed yet
    await Sealing(empty_store, KEYS)(now)
    assert await purge_events(empty_store, KEYS, retention=0, now=day + 99 * DAY) == 0
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 2 * DAY) == 2
    assert [each.detail.get("number") for each in await empty_store.events()] == [2, 3, 4, 5, None]
    report = await verify(empty_store, KEYS)
    assert (report.sealed, report.unsealed, report.finding) == (4, 1, None)
    assert report.chain is not None
    assert (report.chain.anchor_count, report.chain.head_count) == (2, 6)
    assert (await Sealing(empty_store, KEYS)(now)).events == 1
    assert (await verify(empty_store, KEYS, noted=report.chain.anchor_seal)).finding is None
    assert (await empty_store.events())[-1].kind == "audit.purged"
    assert await purge_events(empty_store, KEYS, retention=DAY, now=day + 3 * DAY) == 2


async def test_events_are_found_by_who_what_and_when(trail: Store, now: int) -> None:
    """`AuditTrail.found_events` and `latest_events`: every condition, in either direction, by pages."""
    await trail.commit(AddEvent(Event(kind="sign_in_x.accepted", at=now, client_id="other")))

    async def count(wanted: EventFilter) -> Sequence[int]:
        ahead = [each.position for each in await trail.found_events(wanted)]
        back = [each.position for each in await trail.latest_events(wanted)]
        assert ahead == back[::-1]
        return ahead

    everything = await count(EventFilter())
    assert len(everything) == 8
    assert await count(EventFilter(kind="sign_in")) == everything[:7]
    assert await count(EventFilter(kind="sign_in.accepted")) == everything[:7]
    assert await count(EventFilter(kind="sign_in.")) == []
    assert await count(EventFilter(client_id="other")) == everything[7:]
    assert await count(EventFilter(user_id="user-3")) == [everything[3]]
    assert await count(EventFilter(since=now + 5)) == everything[5:7]
    page = await trail.latest_events(EventFilter(), before=everything[4], limit=2)
    assert [each.position for each in page] == [everything[3], everything[2]]
    assert [each.position for each in await trail.found_events(EventFilter(), after=everything[4], limit=1)] == [
        everything[5]
    ]


@pytest.fixture
async def ours(anyio_backend: str, database_url: str) -> AsyncIterator[Store]:
    """A store of a process that knows where its writes come from."""
    origin = Origin(actor="root", address="192.0.2.9", request_id="r1")
    store = await open_store(database_url, origin=lambda: origin)
    yield store
    await store.close()


async def test_an_event_has_its_origin(ours: Store, now: int) -> None:
    """What the flow has said itself stands."""
    said = Event(kind="x.y", at=now, address="192.0.2.1")
    await ours.commit(AddEvent(said))
    (written,) = await ours.events()
    assert replace(written, position=0) == replace(said, actor="root", request_id="r1")
