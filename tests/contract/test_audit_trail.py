"""The audit trail in every store: sealed in order, verified, and every way of tampering with it found."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from jotary.server.flows.audit.chain import BrokenTrailError
from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import BATCH, Sealing, decide
from jotary.server.flows.audit.verification import Report, verify
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddEvent, SealEvent
from jotary.server.model.event import Event, Origin
from jotary.server.model.sealed_event import EventFilter
from jotary.server.ports import Conflict
from jotary.server.store import Store, open_store
from jotary.server.store.backends import backend

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)
OTHER_KEYS = (b"o" * 32,)
DAY = 86_400


def event(number: int, at: int) -> Event:
    """An event with something in every member."""
    return Event(
        kind="sign_in.accepted",
        at=at,
        user_id=f"user-{number}",
        client_id="web",
        session_id="session",
        address="192.0.2.1",
        actor="root",
        request_id="0011223344556677",
        detail={"methods": ["pwd"], "number": number},
    )


@pytest.fixture
async def trail(empty_store: Store, now: int) -> Store:
    """A store with seven sealed events."""
    for number in range(7):
        await empty_store.commit(AddEvent(event(number, now + number)))
    assert (await Sealing(empty_store, KEYS)(now)).events == 7
    return empty_store


@pytest.fixture
def tamper(database_url: str) -> Callable[..., Any]:
    """Run SQL as somebody who can write to the database and does not have the secret."""

    async def run(*statements: str, **values: Any) -> None:
        def execute(connection: sa.Connection) -> None:
            for statement in statements:
                connection.execute(sa.text(statement), {name: values[name] for name in sa.text(statement)._bindparams})

        await asyncio.to_thread(backend(database_url).change_schema, database_url, execute)

    return run


async def positions(store: Store) -> list[int]:
    """Of all events."""
    return [each.position for each in await store.sealed_events()]


def found(report: Report) -> tuple[str, int | None] | None:
    """The finding in short."""
    return None if report.finding is None else (report.finding.code, report.finding.position)


async def test_a_whole_trail_is_intact(trail: Store, now: int) -> None:
    """Unsealed events do not disturb it; sealing twice changes nothing."""
    await trail.commit(AddEvent(event(7, now)))
    report = await verify(trail, KEYS)
    assert (report.sealed, report.unsealed, report.finding) == (7, 1, None)
    assert (await Sealing(trail, KEYS)(now)).events == 1
    again = await Sealing(trail, KEYS)(now)
    assert again.events == 0
    assert again.chain is not None
    assert (await verify(trail, KEYS, noted=again.chain.head_seal)).finding is None


async def test_a_gap_in_the_positions_is_no_deletion(empty_store: Store, now: int) -> None:
    """PostgreSQL gives no position back when a transaction fails; the chain counts events."""
    await empty_store.commit(AddEvent(event(1, now)))
    with contextlib.suppress(Exception):
        await empty_store.commit(AddEvent(event(2, now)), SealEvent(10**6, b"no such event"))
    await empty_store.commit(AddEvent(event(3, now)))
    await Sealing(empty_store, KEYS)(now)
    assert (await verify(empty_store, KEYS)).finding is None
    assert len(await positions(empty_store)) == 2


COLUMNS = {
    "kind": "'sign_in.refused'",
    "at": "at + 1",
    "user_id": "'mallory'",
    "client_id": "NULL",
    "session_id": "'other'",
    "address": "'192.0.2.2'",
    "actor": "'nobody'",
    "request_id": "NULL",
    "detail": """'{"number": 3}'""",
}


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_changed_column_is_found(trail: Store, tamper: Callable[..., Any], column: str) -> None:
    """Every column but the seal is under the seal."""
    at = (await positions(trail))[3]
    await tamper(f"UPDATE events SET {column} = {COLUMNS[column]} WHERE position = :at", at=at)  # noqa: S608 -- from above
    assert found(await verify(trail, KEYS)) == ("changed", at)


def test_no_column_is_forgotten() -> None:
    """A column that is added must be under the seal, and tried above."""
    assert {*COLUMNS, "position"} == set(Event.__struct_fields__)


@pytest.mark.parametrize("detail", ["no JSON", '{"a":1,"a":2}', '"text"', ""])
async def test_a_detail_that_is_no_object_is_a_finding_and_no_failure(
    trail: Store, tamper: Callable[..., Any], detail: str
) -> None:
    """Readers of JSON differ on a name that occurs twice."""
    at = (await positions(trail))[3]
    await tamper("UPDATE events SET detail = :detail WHERE position = :at", detail=detail, at=at)
    assert found(await verify(trail, KEYS)) == ("changed", at)


@pytest.mark.parametrize(("gone", "follower"), [(0, 1), (3, 4), (5, 6)])
async def test_a_deleted_event_is_found(trail: Store, tamper: Callable[..., Any], gone: int, follower: int) -> None:
    """The one behind it does not follow on the one before it."""
    at = await positions(trail)
    await tamper("DELETE FROM events WHERE position = :at", at=at[gone])
    assert found(await verify(trail, KEYS)) == ("deleted", at[follower])


async def test_a_tail_that_is_cut_off_is_found(trail: Store, tamper: Callable[..., Any]) -> None:
    """The record of the chain knows the head."""
    at = await positions(trail)
    await tamper("DELETE FROM events WHERE position >= :at", at=at[5])
    assert found(await verify(trail, KEYS)) == ("cut_off", at[4])


async def test_two_events_that_change_places_are_found(trail: Store, tamper: Callable[..., Any]) -> None:
    """With their seals or without."""
    at = await positions(trail)
    await tamper(
        "UPDATE events SET position = 0 WHERE position = :one",
        "UPDATE events SET position = :one WHERE position = :other",
        "UPDATE events SET position = :other WHERE position = 0",
        one=at[2],
        other=at[3],
    )
    assert found(await verify(trail, KEYS)) == ("changed", at[2])


@pytest.mark.parametrize("place", ["in a gap", "before all"])
async def test_an_inserted_event_is_found(empty_store: Store, tamper: Callable[..., Any], place: str, now: int) -> None:
    """In a gap that a transaction left when it was rolled back, and where the database puts none."""
    await empty_store.commit(*(AddEvent(event(number, now)) for number in range(6)))
    at = await positions(empty_store)
    await tamper("UPDATE events SET position = position + 100 WHERE position > :at", at=at[3])
    await Sealing(empty_store, KEYS)(now)
    where = at[3] + 1 if place == "in a gap" else -5
    insert = "INSERT INTO events (position, kind, at, detail) VALUES (:at, 'x.y', 1, '{}')"
    await tamper(insert, at=where)
    assert found(await verify(empty_store, KEYS)) == ("inserted", where)
    with pytest.raises(BrokenTrailError):
        await purge_events(empty_store, KEYS, retention=DAY, now=now + 9 * DAY)


async def test_a_chain_that_is_made_anew_without_the_secret_is_found(
    trail: Store, tamper: Callable[..., Any], now: int
) -> None:
    """SHA-256 anybody can compute; the stamp nobody can."""
    at = await positions(trail)
    await tamper("UPDATE events SET user_id = 'mallory', seal = NULL WHERE position = :at", at=at[0])
    await Sealing(trail, OTHER_KEYS).begin_anew(now)
    assert found(await verify(trail, KEYS)) == ("chain_not_genuine", None)
    with pytest.raises(BrokenTrailError):
        await Sealing(trail, KEYS)(now)


@pytest.mark.parametrize(
    "column",
    sorted({*AuditChain.__struct_fields__} - {"id", "anchor_seal", "head_seal", "stamp"}),
)
async def test_the_stamp_covers_the_whole_record(
    trail: Store, tamper: Callable[..., Any], column: str, now: int
) -> None:
    """A changed record is neither believed nor sealed on."""
    await tamper(f"UPDATE audit_chain SET {column} = {column} + 1")  # noqa: S608 -- a column from above
    assert found(await verify(trail, KEYS)) == ("chain_not_genuine", None)
    with pytest.raises(BrokenTrailError, match="stamped"):
        await Sealing(trail, KEYS)(now)
    with pytest.raises(BrokenTrailError, match="stamped"):
        await purge_events(trail, KEYS, retention=1, now=now + 2 * DAY)


async def test_a_removed_record_is_found(trail: Store, tamper: Callable[..., Any], now: int) -> None:
    """Or a server would seal whatever is there from the beginning."""
    await tamper("DELETE FROM audit_chain")
    assert found(await verify(trail, KEYS)) == ("chain_missing", (await positions(trail))[0])
    with pytest.raises(BrokenTrailError, match="gone"):
        await Sealing(trail, KEYS)(now)


async def test_a_trail_that_is_set_back_is_found_by_the_noted_head(
    trail: Store, tamper: Callable[..., Any], now: int
) -> None:
    """An old state of the record is genuine; only what was noted elsewhere tells."""
    old = await trail.audit_chain()
    assert old is not None
    await trail.commit(AddEvent(event(7, now)))
    noted = (await Sealing(trail, KEYS)(now)).chain
    assert noted is not None
    await tamper(
        "UPDATE audit_chain SET head_position = :position, head_count = :count, head_seal = :seal, stamp = :stamp,"
        " sealed_at = :at",
        position=old.head_position,
        count=old.head_count,
        seal=old.head_seal,
        stamp=old.stamp,
        at=old.sealed_at,
    )
    assert found(await verify(trail, KEYS)) == ("set_back", (await positions(trail))[-1])
    await tamper("DELETE FROM events WHERE position > :at", at=old.head_position)
    assert (await verify(trail, KEYS)).finding is None
    assert found(await verify(trail, KEYS, noted=noted.head_seal)) == ("head_unknown", None)
    assert (await verify(trail, KEYS, noted=old.head_seal)).finding is None


async def test_a_replaced_secret_breaks_nothing(trail: Store, now: int) -> None:
    """While the old one is accepted, the next sealing stamps under the new one; then it may go."""
    both = (*OTHER_KEYS, *KEYS)
    assert (await verify(trail, both)).finding is None
    assert found(await verify(trail, OTHER_KEYS)) == ("chain_not_genuine", None)
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


async def test_two_processes_that_seal_at_once_make_one_chain(empty_store: Store, database_url: str, now: int) -> None:
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


async def test_who_seals_what_another_has_sealed_writes_nothing(trail: Store, now: int) -> None:
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


async def test_a_chain_that_is_begun_between_two_looks_is_not_missing(empty_store: Store, now: int) -> None:
    """Who verifies looks again before it says that the record is gone."""
    await empty_store.commit(AddEvent(event(1, now)))
    store: Any = _BegunMeanwhile(empty_store, now)
    assert (await verify(store, KEYS)).finding is None


async def test_a_sealer_is_not_misled_by_a_chain_that_is_begun_meanwhile(empty_store: Store, now: int) -> None:
    """It looks again before it says that the record is gone."""
    await empty_store.commit(AddEvent(event(1, now)))
    store: Any = _BegunMeanwhile(empty_store, now)
    assert (await Sealing(store, KEYS)(now)).events == 0
    assert (await verify(empty_store, KEYS)).sealed == 1


async def test_what_is_old_goes_and_the_rest_stays_verifiable(empty_store: Store, now: int) -> None:
    """From the front only, and the anchor moves behind it."""
    day = now // DAY * DAY
    for number in range(6):
        await empty_store.commit(AddEvent(event(number, day + number // 2 * DAY)))
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


async def test_evidence_is_not_purged(trail: Store, tamper: Callable[..., Any], now: int) -> None:
    """What was tampered with stays, until somebody has looked at it; so does what is not sealed."""
    await trail.commit(AddEvent(event(9, now)))
    assert await purge_events(trail, KEYS, retention=DAY, now=now + 9 * DAY) == 7
    await Sealing(trail, KEYS)(now)
    await tamper("UPDATE events SET user_id = 'mallory' WHERE kind = 'sign_in.accepted'")
    with pytest.raises(BrokenTrailError, match="not as it was sealed"):
        await purge_events(trail, KEYS, retention=DAY, now=now + 99 * DAY)
    assert len(await trail.events()) == 2


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
