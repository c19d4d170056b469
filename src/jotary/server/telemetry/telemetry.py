"""What is put around the parts of a server so that it can be watched. What is off is not there, and costs nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from starlette.types import ASGIApp

from jotary.server.flows.limits.limiter import Limiter, LimitStore
from jotary.server.flows.revocation_feed import FeedFigures
from jotary.server.flows.token import TokenFlow
from jotary.server.keyring import Keyring
from jotary.server.model.changes import Change
from jotary.server.ports import Clock, PasswordHasher, Signer
from jotary.server.settings import Settings
from jotary.server.telemetry.access_log import access_log
from jotary.server.telemetry.around import HasherWith, SignerWith, TokensWith
from jotary.server.telemetry.metrics import FOLDER_VARIABLE
from jotary.server.telemetry.tracing import tracing_from_environment
from jotary.server.telemetry.watched_requests import Tell, WatchedRequests

if TYPE_CHECKING:
    from jotary.server.telemetry.metrics.metrics import Metrics
    from jotary.server.telemetry.metrics.readings import DatabaseFigures
    from jotary.server.telemetry.metrics.work_meters import Watch
    from jotary.server.telemetry.tracing.tracing import Tracing


class StoreWatch(Protocol):
    """As `store.watched.StoreWatch`."""

    def reading(self, operation: Literal["look_up", "scan"]) -> AbstractContextManager[object]:
        """Around a read."""

    def writing(self, changes: Sequence[Change]) -> AbstractContextManager[object]:
        """Around a write."""


class Watchable(Protocol):
    """A store that says how it stands."""

    def figures(self) -> "DatabaseFigures":
        """How it stands."""

    def tell_commits(self, tell: Callable[[int, float], None]) -> None:
        """Tell of every commit."""


class Telemetry:
    """Metrics and traces of one run of a server.

    Args:
        settings: whether there are metrics, and how requests are logged.
        clock: Unix seconds.
        environ: OpenTelemetry's variables, and what the parent of several workers has said.
        tracing: makes spans; None lets `environ` decide.
    """

    def __init__(
        self, settings: Settings, clock: Clock, environ: Mapping[str, str], *, tracing: "Tracing | None" = None
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._tracing = tracing or tracing_from_environment(environ)
        has_metrics = bool(settings.metrics_listen) or FOLDER_VARIABLE in environ
        self._metrics = _metrics(clock) if has_metrics else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Show the figures while this lasts, and export what is left of the spans behind it.

        Raises:
            ValueError: the address for metrics cannot be had.
        """
        async with AsyncExitStack() as stack:
            if self._tracing is not None:
                stack.push_async_callback(asyncio.to_thread, self._tracing.shut_down)
            if self._metrics is not None:
                await stack.enter_async_context(self._metrics.shown(self._settings.metrics_listen, self._environ))
            yield

    @property
    def store_watches(self) -> Sequence[StoreWatch]:
        """Who is told of what is read and written."""
        watches: tuple[StoreWatch | None, ...] = (self._metrics.store if self._metrics else None, self._tracing)
        return [watch for watch in watches if watch is not None]

    @property
    def hash_watch(self) -> "Watch | None":
        """Who is told how long passwords wait and take."""
        return None if self._metrics is None else self._metrics.hashes.watch

    def hasher(self, hasher: PasswordHasher) -> PasswordHasher:
        """The hasher, watched."""
        if self._metrics is not None:
            hasher = HasherWith(hasher, self._metrics.hashes)
        return hasher if self._tracing is None else HasherWith(hasher, self._tracing.hash)

    def signer(self, signer: Signer) -> Signer:
        """The signer, watched. A signature of the server's own is short, and measured as part of the request."""
        if self._metrics is not None and self._settings.signing_keys == "external":
            signer = SignerWith(signer, self._metrics.signatures)
        return signer if self._tracing is None else SignerWith(signer, self._tracing.sign)

    @property
    def request_meter(self) -> Tell | None:
        """Who counts requests."""
        return None if self._metrics is None else self._metrics.requests

    def tokens(self, tokens: TokenFlow) -> TokenFlow:
        """The token endpoint, watched; its answers are counted with the requests."""
        return tokens if self._tracing is None else TokensWith(tokens, self._tracing.grant)

    def limiter(self, store: LimitStore, key: bytes) -> Limiter:
        """A limiter, watched."""
        if self._metrics is None:
            return Limiter(store, key, self._settings)
        return self._metrics.limiter(store, key, self._settings)

    def requests(self, app: ASGIApp) -> ASGIApp:
        """What answers requests, watched."""
        tell = access_log(self._settings)
        app = app if tell is None else WatchedRequests(app, tell)
        return app if self._tracing is None else self._tracing.requests(app)

    def read(
        self,
        *,
        store: Watchable,
        keyring: Keyring,
        feed: Callable[[], FeedFigures],
        passwords: Callable[[], int],
    ) -> None:
        """Look these up whenever somebody asks for the figures."""
        if self._metrics is not None:
            store.tell_commits(self._metrics.store.committed)
            self._metrics.read(keyring=keyring, feed=feed, database=store.figures, passwords=passwords)

    def purged(self, rows: int) -> None:
        """Rows were forgotten just now."""
        if self._metrics is not None:
            self._metrics.purged(rows)

    def keys_read(self) -> None:
        """The signing keys were read just now."""
        if self._metrics is not None:
            self._metrics.keys_read()


def _metrics(clock: Clock) -> "Metrics":
    """What collects figures; its libraries take a tenth of the memory of a server that has none."""
    from jotary.server.telemetry.metrics.metrics import Metrics  # noqa: PLC0415 -- for whoever asks for figures

    return Metrics(clock)
