"""Every way of tampering with the audit trail is found, in every store."""

from collections.abc import Callable
from typing import Any

import pytest

from jotary.server.flows.audit.chain import BrokenTrailError
from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import Sealing
from jotary.server.flows.audit.verification import Report, verify
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.store import Store

pytestmark = pytest.mark.anyio

KEYS = (b"k" * 32,)
OTHER_KEYS = (b"o" * 32,)
DAY = 86_400


async def positions(store: Store) -> list[int]:
    """Of all events."""
    return [each.position for each in await store.sealed_events()]


def found(report: Report) -> tuple[str, int | None] | None:
    """The finding in short."""
    return None if report.finding is None else (report.finding.code, report.finding.position)


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
async def test_an_inserted_event_is_found(
    empty_store: Store, tamper: Callable[..., Any], place: str, now: int, event: Callable[[int, int], Event]
) -> None:
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
    await tamper("UPDATE events SET seal = NULL WHERE position = :at", at=(await positions(trail))[0])
    assert found(await verify(trail, KEYS)) == ("chain_missing", (await positions(trail))[1])  # the first with a seal


async def test_a_chain_that_is_removed_with_all_its_seals_is_found_by_the_noted_head(
    trail: Store, tamper: Callable[..., Any]
) -> None:
    """Without one it looks like a trail that was never sealed."""
    chain = await trail.audit_chain()
    assert chain is not None
    await tamper("DELETE FROM audit_chain", "UPDATE events SET seal = NULL")
    assert found(await verify(trail, KEYS)) is None
    assert found(await verify(trail, KEYS, noted=chain.head_seal)) == ("chain_missing", None)


async def test_a_trail_that_is_set_back_is_found_by_the_noted_head(
    trail: Store, tamper: Callable[..., Any], now: int, event: Callable[[int, int], Event]
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


async def test_evidence_is_not_purged(
    trail: Store, tamper: Callable[..., Any], now: int, event: Callable[[int, int], Event]
) -> None:
    """What was tampered with stays, until somebody has looked at it; so does what is not sealed."""
    await trail.commit(AddEvent(event(9, now)))
    assert await purge_events(trail, KEYS, retention=DAY, now=now + 9 * DAY) == 7
    await Sealing(trail, KEYS)(now)
    await tamper("UPDATE events SET user_id = 'mallory' WHERE kind = 'sign_in.accepted'")
    with pytest.raises(BrokenTrailError, match="not as it was sealed"):
        await purge_events(trail, KEYS, retention=DAY, now=now + 99 * DAY)
    assert len(await trail.events()) == 2
