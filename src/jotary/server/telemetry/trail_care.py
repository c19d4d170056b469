"""What a server does for the audit trail beside its requests, and what it says of it to the log.

The log is where the head of the chain is noted outside of the database: `jotary audit verify --head`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from jotary.server.flows.audit.chain import BrokenTrailError
from jotary.server.flows.audit.retention import purge_events
from jotary.server.flows.audit.sealing import Sealing, TrailStore
from jotary.server.keyring import derive_keys
from jotary.server.ports import Clock, Unavailable
from jotary.server.settings import Settings
from jotary.server.telemetry.periodic import periodically

#: Seconds for which an event is not sealed yet, at most.
SEAL_INTERVAL: Final = 5
#: Seconds between two looks for what is too old.
PURGE_INTERVAL: Final = 600

log = structlog.get_logger("jotary.audit")


class TrailCare:
    """Seals and shortens the trail.

    Args:
        store: where the trail is.
        settings: the secrets, and for how long events are kept.
        clock: Unix seconds.
    """

    def __init__(self, store: TrailStore, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._keys = derive_keys(settings, "audit")
        self._retention = settings.audit_retention
        self._clock = clock
        self._said = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do both again and again; at the end, seal what is left."""
        async with (
            periodically(PURGE_INTERVAL, self.purge, "audit_purge"),
            periodically(SEAL_INTERVAL, self.seal, "audit_seal"),
        ):
            yield
        await self._seal_last()

    async def seal(self) -> None:
        """Seal what is new, and say where the head is then.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            sealed = await Sealing(self._store, self._keys)(self._clock())
        except BrokenTrailError as error:
            self._complain(error)
            return
        self._said = ""
        if sealed.events and sealed.chain:
            head = sealed.chain
            log.info("audit_sealed", events=sealed.events, count=head.head_count, head=head.head_seal.hex())

    async def _seal_last(self) -> None:
        """A database that is away must not hold up the end."""
        try:
            await self.seal()
        except Unavailable as error:
            log.warning("audit_not_sealed", problem=str(error), hint="The next start seals what is left.")

    async def purge(self) -> None:
        """Remove what is older than it may be.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            removed = await purge_events(self._store, self._keys, retention=self._retention, now=self._clock())
        except BrokenTrailError as error:
            self._complain(error)
            return
        log.debug("audit_purged", events=removed)

    def _complain(self, error: BrokenTrailError) -> None:
        """Once, and not every few seconds."""
        if error.problem != self._said:
            log.critical("audit_trail_broken", problem=error.problem, hint=error.hint)
        self._said = error.problem
