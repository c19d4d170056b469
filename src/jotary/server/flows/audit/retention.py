"""Forgetting old events, from the front only: the rest stays verifiable from the anchor that moves behind them."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

import msgspec

from jotary.server.flows.audit.chain import BEFORE_ALL, BrokenTrailError, check_genuine, link, stamped
from jotary.server.flows.audit.sealing import TrailStore
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddEvent, MoveAuditChain, PurgeEvents
from jotary.server.model.event import Event
from jotary.server.model.sealed_event import SealedEvent
from jotary.server.ports import Conflict

#: Events that go in one transaction.
BATCH: Final = 500

_DAY: Final = 86_400


def decide(
    chain: AuditChain, events: Sequence[SealedEvent], before: int, now: int, keys: Sequence[bytes]
) -> tuple[MoveAuditChain, PurgeEvents, AddEvent] | None:
    """Remove those sealed events at the front that happened before `before`; None when there is none.

    Raises:
        BrokenTrailError: they are not as they were sealed: evidence is not removed.
    """
    check_genuine(chain, keys)
    old = list(takewhile(lambda event: event.at < before and event.position <= chain.head_position, events))
    if not old:
        return None
    seal = chain.anchor_seal
    for event in old:
        seal = link(seal, event)
        if seal != event.seal:
            raise BrokenTrailError(f"event {event.position} of the audit trail is not as it was sealed")
    moved = msgspec.structs.replace(
        chain,
        anchor_position=old[-1].position,
        anchor_count=chain.anchor_count + len(old),
        anchor_seal=seal,
    )
    detail = {"events": len(old), "through": old[-1].position, "anchor": seal.hex()}
    return (
        MoveAuditChain(chain.stamp, stamped(moved, keys[0])),
        PurgeEvents(old[-1].position),
        AddEvent(Event(kind="audit.purged", at=now, detail=detail)),
    )


async def purge_events(store: TrailStore, keys: Sequence[bytes], *, retention: int, now: int) -> int:
    """Remove events that are older than `retention` seconds, by whole days; 0 keeps them for ever.

    Returns:
        How many went.

    Raises:
        BrokenTrailError: what would go is not as it was sealed.
        Unavailable: the database does not answer.
    """
    before = (now - retention) // _DAY * _DAY
    total = 0
    while retention:
        chain = await store.audit_chain()
        if chain is None:
            break
        page = await store.sealed_events(after=BEFORE_ALL, limit=BATCH)
        changes = decide(chain, page, before, now, keys)
        if changes is None:
            break
        try:
            await store.commit(*changes)
        except Conflict:  # another process seals or purges: the next sweep takes the rest
            break
        total += changes[0].chain.anchor_count - chain.anchor_count
    return total
