"""Verifying the whole trail. It only reads, and may run beside servers that go on sealing."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from jotary.server.flows.audit.chain import BEFORE_ALL, is_genuine
from jotary.server.flows.audit.walk import Finding, Walk
from jotary.server.model.audit_chain import AuditChain
from jotary.server.ports import AuditTrail

#: Events that are in memory at once.
PAGE: Final = 1000


class Report(msgspec.Struct, frozen=True):
    """What a verification found. `sealed` events were checked; `unsealed` ones wait for the next sealing."""

    chain: AuditChain | None
    sealed: int
    unsealed: int
    finding: Finding | None


def _nothing(_count: int) -> None:
    """Nobody watches."""


async def verify(
    trail: AuditTrail,
    keys: Sequence[bytes],
    *,
    noted: bytes | None = None,
    advance: Callable[[int], object] = _nothing,
) -> Report:
    """Check every event from the anchor to the head.

    Args:
        trail: the store.
        keys: those under which the chain may be stamped.
        noted: a seal that was noted elsewhere: without it, nobody can tell that the trail was set back to an older
            state of itself.
        advance: called with the number of events of each page.

    Raises:
        Unavailable: the database does not answer.
    """
    while True:
        chain = await trail.audit_chain()
        report = await _verify(trail, chain, keys, noted, advance)
        if report.finding is None or not await _has_moved(trail, chain):
            return report


async def _has_moved(trail: AuditTrail, chain: AuditChain | None) -> bool:
    """Whether the chain was begun, or shortened by retention, under the walk, which must then begin again."""
    latest = await trail.audit_chain()
    return latest is not None and (chain is None or latest.anchor_count > chain.anchor_count)


async def _verify(
    trail: AuditTrail,
    chain: AuditChain | None,
    keys: Sequence[bytes],
    noted: bytes | None,
    advance: Callable[[int], object],
) -> Report:
    if chain is None:
        return await _without_chain(trail, noted)
    walk = Walk(chain, noted)
    after = BEFORE_ALL  # not the anchor: an event that lies before it does not belong there
    while page := await trail.sealed_events(after=after, limit=PAGE):
        for event in page:
            walk.take(event)
        after = page[-1].position
        advance(len(page))
    finding = walk.finding()
    if not is_genuine(chain, keys):
        problem = "the record of the chain was not stamped under this server's secret: one of them was replaced"
        finding = Finding("chain_not_genuine", problem)
    if finding is None and walk.beyond is not None:
        finding = await _beyond(trail, chain, walk.beyond, keys)
    return Report(chain, walk.sealed, walk.unsealed, finding)


async def _without_chain(trail: AuditTrail, noted: bytes | None) -> Report:
    unsealed, after, sealed = 0, 0, None
    while page := await trail.sealed_events(after=after, limit=PAGE):
        unsealed, after = unsealed + len(page), page[-1].position
        sealed = sealed or next((event.position for event in page if event.seal is not None), None)
    if sealed is None and noted is None:
        return Report(None, 0, unsealed, None)
    return Report(None, 0, unsealed, Finding("chain_missing", "the record of the chain was removed", sealed))


async def _beyond(trail: AuditTrail, chain: AuditChain, position: int, keys: Sequence[bytes]) -> Finding | None:
    """An event behind the head has a seal: a server has sealed on meanwhile, or the head was set back."""
    latest = await trail.audit_chain()
    if latest is not None and latest.head_count > chain.head_count and is_genuine(latest, keys):
        return None
    problem = f"event {position} was sealed, but the record of the chain ends before it: it was set back"
    return Finding("set_back", problem, position)
