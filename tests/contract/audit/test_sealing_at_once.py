"""Several processes seal one audit trail, and requests append to it meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from jotary.server.flows.audit.chain import stamped
from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import BATCH, Sealing, decide
from jotary.server.flows.audit.verification import verify
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.model.sealed_event import SealedEvent
from jotary.server.ports import Conflict
from jotary.server.store import Store, open_store

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)
OTHER_KEYS = (b"o" * 32,)


async def test_two_processes_that_seal_at_once_make_one_chain(
    empty_store: Store, database_url: str, now: int, event: Callable[[int, int], Event]
) -> None:
    """By compare-and-set; and requests append meanwhile."""
    other = await open_store(database_url)

    async def append() -> None:
        for number in range(40):
            await empty_store.commit(*(AddEvent(event(number, now)) for _ in range(BATCH // 10)))

    async def seal(store: Store) -> None:
        for _ in range(40):
            await Sealing(store, KEYS)(now)

    async def watch() -> None:
        for _ in range(10):
            assert (await verify(other, KEYS)).finding is None

    await asyncio.gather(append(), seal(empty_store), seal(other), seal(other), watch())
    await Sealing(other, KEYS)(now)
    report = await verify(empty_store, KEYS)
    assert (report.sealed, report.unsealed, report.finding) == (40 * (BATCH // 10), 0, None)
    await other.close()


async def test_who_seals_what_another_has_sealed_writes_nothing(
    trail: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """`MoveAuditChain` is guarded by the stamp, and `AddAuditChain` by there being none."""
    await trail.commit(AddEvent(event(7, now)))
    stale = await trail.audit_chain()
    assert stale is not None
    fresh = await trail.sealed_events(after=stale.head_position)
    assert (await Sealing(trail, KEYS)(now)).events == 1
    await trail.commit(AddEvent(event(8, now)))
    sealed = await trail.sealed_events()
    for chain, events in ((stale, fresh), (None, [replace(each, seal=None) for each in sealed])):
        with pytest.raises(Conflict):
            await trail.commit(*decide(chain, events, now, OTHER_KEYS if chain is None else KEYS))
        assert await trail.sealed_events() == sealed


class _SealedMeanwhile:
    """A store in which another process seals what somebody has just read."""

    def __init__(self, store: Store, now: int) -> None:
        self._store, self._now = store, now

    async def sealed_events(self, *, after: int = 0, limit: int = 100) -> Sequence[SealedEvent]:
        found = await self._store.sealed_events(after=after, limit=limit)
        await Sealing(self._store, KEYS)(self._now)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_who_comes_second_knows_the_head_all_the_same(
    trail: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """`jotary audit seal` prints it, to be noted elsewhere."""
    await trail.commit(AddEvent(event(8, now)))
    store: Any = _SealedMeanwhile(trail, now)
    sealed = await Sealing(store, KEYS)(now)
    assert (sealed.events, sealed.chain) == (0, await trail.audit_chain())


async def test_all_batches_are_counted(
    empty_store: Store, now: int, event: Callable[[int, int], Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one sealing."""
    monkeypatch.setattr("jotary.server.flows.audit.sealing.BATCH", 3)
    await empty_store.commit(*(AddEvent(event(number, now)) for number in range(7)))
    assert (await Sealing(empty_store, KEYS)(now)).events == 7


class _BegunMeanwhile:
    """A store in which another process begins the chain right after the first look at it."""

    def __init__(self, store: Store, now: int) -> None:
        self._store, self._now, self._is_first = store, now, True

    async def audit_chain(self) -> AuditChain | None:
        chain = await self._store.audit_chain()
        if self._is_first:
            self._is_first = False
            await Sealing(self._store, KEYS)(self._now)
        return chain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_a_chain_that_is_begun_between_two_looks_is_not_missing(
    empty_store: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """Who verifies looks again before it says that the record is gone."""
    await empty_store.commit(AddEvent(event(1, now)))
    store: Any = _BegunMeanwhile(empty_store, now)
    assert (await verify(store, KEYS)).finding is None


async def test_a_sealer_is_not_misled_by_a_chain_that_is_begun_meanwhile(
    empty_store: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """It looks again before it says that the record is gone."""
    await empty_store.commit(AddEvent(event(1, now)))
    store: Any = _BegunMeanwhile(empty_store, now)
    assert (await Sealing(store, KEYS)(now)).events == 0
    assert (await verify(empty_store, KEYS)).sealed == 1


class _ForgottenLater:
    """A store in which retention has moved the anchor when somebody looks for the second time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.looks = 0

    async def audit_chain(self) -> AuditChain | None:
        chain = await self._store.audit_chain()
        assert chain is not None
        self.looks += 1
        return chain if self.looks != 2 else stamped(replace(chain, anchor_count=chain.anchor_count + 1), KEYS[0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_a_trail_that_was_found_well_is_not_walked_again(trail: Store) -> None:
    """Though retention has shortened it meanwhile: a long one would be walked for as long as that goes on."""
    store: Any = _ForgottenLater(trail)
    assert (await verify(store, KEYS)).finding is None
    assert store.looks == 1


class _ShortenedMeanwhile:
    """A store in which another process forgets what is old, right after the first look at the chain."""

    def __init__(self, store: Store, now: int) -> None:
        self._store, self._now, self._is_first = store, now, True

    async def sealed_events(self, *, after: int = 0, limit: int = 100) -> Sequence[SealedEvent]:
        if self._is_first:
            self._is_first = False
            assert await purge_events(self._store, KEYS, retention=1, now=self._now) == 7
        return await self._store.sealed_events(after=after, limit=limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_a_trail_that_is_shortened_under_the_walk_is_walked_again(
    trail: Store, now: int, event: Callable[[int, int], Event]
) -> None:
    """What retention has taken was not deleted by anybody."""
    later = now + 3 * 86_400
    await trail.commit(AddEvent(event(8, later)))
    await Sealing(trail, KEYS)(later)
    store: Any = _ShortenedMeanwhile(trail, later)
    report = await verify(store, KEYS)
    assert (report.finding, report.sealed) == (None, 1)
