"""Sealing the events that were appended since, apart from whoever appends: a request pays nothing for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from jotary.server.flows.audit.chain import BrokenTrailError, check_genuine, is_genuine, link, new_chain, stamped
from jotary.server.model.audit_chain import AuditChain
from jotary.server.model.changes import AddAuditChain, AddEvent, Change, MoveAuditChain, PutAuditChain, SealEvent
from jotary.server.model.event import Event
from jotary.server.model.sealed_event import SealedEvent
from jotary.server.ports import AuditTrail, Commit, Conflict

#: Events that are sealed in one transaction: a few milliseconds in which a SQLite file has no other writer.
BATCH: Final = 256


class TrailStore(AuditTrail, Commit, Protocol):
    """What sealing reads and writes."""


class Sealed(msgspec.Struct, frozen=True):
    """How many events were sealed, and the chain after it; None when there is none yet."""

    events: int
    chain: AuditChain | None


def decide(
    chain: AuditChain | None, events: Sequence[SealedEvent], now: int, keys: Sequence[bytes]
) -> tuple[Change, ...]:
    """What to write; nothing when there is nothing to do.

    Args:
        chain: as it stands.
        events: those behind its head, in order of position.
        now: Unix seconds.
        keys: the key to stamp with, then those whose stamps are accepted.

    Raises:
        BrokenTrailError: the chain was not made by this server.
    """
    _check(chain, events, keys)
    if not events and (chain is None or is_genuine(chain, keys[:1])):
        return ()
    before = chain or new_chain(now)
    seal, seals = before.head_seal, []
    for event in events:
        seal = link(seal, event)
        seals.append(SealEvent(event.position, seal))
    after = msgspec.structs.replace(
        before,
        head_position=events[-1].position if events else before.head_position,
        head_count=before.head_count + len(events),
        head_seal=seal,
        sealed_at=now,
    )
    after = stamped(after, keys[0])
    # First of all: of several processes that seal the same events, the others fail here and write nothing.
    moved = AddAuditChain(after) if chain is None else MoveAuditChain(chain.stamp, after)
    return moved, *seals


def _check(chain: AuditChain | None, events: Sequence[SealedEvent], keys: Sequence[bytes]) -> None:
    """Going on from ends that somebody else made would make their trail ours."""
    if chain is None:
        if any(event.seal is not None for event in events):
            raise BrokenTrailError("events of the audit trail are sealed, but the record of its chain is gone")
    else:
        check_genuine(chain, keys)


@dataclass(frozen=True, slots=True)
class Sealing:
    """The flow: gather → decide → commit, batch by batch.

    Args:
        store: where the trail is.
        keys: derived from the server's secret: the one to stamp with, then those that are accepted.
    """

    store: TrailStore
    keys: Sequence[bytes]

    async def __call__(self, now: int) -> Sealed:
        """Seal what is not sealed yet. When another process is at it, leave it to that one.

        Raises:
            BrokenTrailError: the chain was not made by this server; nothing was written.
            Unavailable: the database does not answer; what was sealed so far stays so.
        """
        count = 0
        while True:
            chain = await self.store.audit_chain()
            page = await self.store.sealed_events(after=chain.head_position if chain else 0, limit=BATCH)
            if chain is None and page and await self.store.audit_chain() is not None:
                continue  # another process has begun it between the two looks
            changes = decide(chain, page, now, self.keys)
            if not changes:
                return Sealed(count, chain)
            try:
                await self.store.commit(*changes)
            except Conflict:
                return Sealed(count, await self.store.audit_chain())
            count += len(page)

    async def begin_anew(self, now: int) -> Sealed:
        """Seal all events as they are now, in a new chain. The trail keeps that this was done, and the old head.

        Raises:
            Unavailable: the database does not answer.
        """
        old = await self.store.audit_chain()
        detail = {} if old is None else {"events": old.head_count, "head": old.head_seal.hex()}
        event = Event(kind="audit.begun_anew", at=now, detail=detail)
        await self.store.commit(PutAuditChain(stamped(new_chain(now), self.keys[0])), AddEvent(event))
        return await self(now)
