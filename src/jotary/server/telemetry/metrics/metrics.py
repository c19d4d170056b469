"""All meters of one process, and the listener that shows them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from socket import socket

from jotary.server.flows.limits.limiter import LimitStore
from jotary.server.flows.revocation_feed import FeedFigures
from jotary.server.keyring import Keyring
from jotary.server.ports import Clock
from jotary.server.settings import Settings
from jotary.server.telemetry.metrics import FOLDER_VARIABLE, catalogue, readings
from jotary.server.telemetry.metrics.exposition import MetricsListener, listen
from jotary.server.telemetry.metrics.instruments import Instruments
from jotary.server.telemetry.metrics.request_meter import RequestMeter
from jotary.server.telemetry.metrics.store_meter import StoreMeter
from jotary.server.telemetry.metrics.work_meters import (
    HashMeter,
    LimitMeter,
    MeteredLimiter,
    SignatureMeter,
    measure_lag,
)
from jotary.server.telemetry.metrics.workers import worker_socket


class Metrics:
    """What is counted in this process.

    Args:
        clock: Unix seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.instruments = Instruments()
        self.requests = RequestMeter(self.instruments)
        self.store = StoreMeter(self.instruments)
        self.hashes = HashMeter(self.instruments)
        self.signatures = SignatureMeter(self.instruments)
        self._limits = LimitMeter(self.instruments, self.store.sign_in_limited)
        self._purged = self.instruments.counter(catalogue.PURGED)
        self._purged_at: int | None = None
        self._keys_read_at: int | None = None
        self.instruments.read(catalogue.PURGED_AT, lambda: _known(self._purged_at))
        self.instruments.read(catalogue.KEYS_READ, lambda: _known(self._keys_read_at))

    def limiter(self, store: LimitStore, key: bytes, settings: Settings) -> MeteredLimiter:
        """A limiter that tells of what it holds off."""
        return MeteredLimiter(store, key, settings, self._limits)

    def read(
        self,
        *,
        keyring: Keyring,
        feed: Callable[[], FeedFigures],
        database: Callable[[], readings.DatabaseFigures],
        passwords: Callable[[], int],
    ) -> None:
        """Look these up whenever somebody asks."""
        readings.read_keys(self.instruments, keyring, self._clock)
        readings.read_feed(self.instruments, feed)
        readings.read_database(self.instruments, database)
        self.instruments.read(catalogue.HASH_QUEUE, lambda: [((), float(passwords()))])

    def purged(self, rows: int) -> None:
        """Rows were forgotten just now."""
        self._purged.inc(rows)
        self._purged_at = self._clock()

    def keys_read(self) -> None:
        """The signing keys were read just now."""
        self._keys_read_at = self._clock()

    @asynccontextmanager
    async def shown(self, address: str, environ: Mapping[str, str]) -> AsyncIterator[None]:
        """Answer who asks for the figures: at the address, or the parent of several workers.

        Raises:
            ValueError: the address cannot be had.
        """
        async with AsyncExitStack() as stack:
            folder = environ.get(FOLDER_VARIABLE)
            door: socket = stack.enter_context(worker_socket(Path(folder))) if folder else listen(address)
            listener = MetricsListener(self.instruments.registry, door)
            stack.push_async_callback(asyncio.to_thread, listener.close)
            lag = asyncio.create_task(measure_lag(self.instruments), name="jotary-lag")
            try:
                yield
            finally:
                lag.cancel()
                with suppress(asyncio.CancelledError):
                    await lag


def _known(moment: int | None) -> list[tuple[tuple[str, ...], float]]:
    return [] if moment is None else [((), float(moment))]
