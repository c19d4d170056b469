"""The composition root: settings in, an ASGI application out. The only file that knows everything (design §2)."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from jotary.server.flows.client_authentication import ClientAuthentication
from jotary.server.flows.factors.password import PasswordFactor
from jotary.server.flows.grant import GrantContext
from jotary.server.flows.introspection import IntrospectionEndpoint
from jotary.server.flows.issue import Issuance
from jotary.server.flows.metadata import Documents
from jotary.server.flows.revocation import RevocationEndpoint
from jotary.server.flows.revocation_feed import RevocationFeed
from jotary.server.flows.token import TokenEndpoint
from jotary.server.flows.userinfo import UserinfoEndpoint
from jotary.server.keyring import Keyring, SealError, derive_keys, make_enrolment, make_keyring
from jotary.server.model.refresh_token import RefreshTokens
from jotary.server.passwords import HashingPool
from jotary.server.ports import Clock, Entropy, PasswordHasher, Signer, Unavailable
from jotary.server.settings import Settings, load
from jotary.server.store import Store, StoreWatch, UnknownSchemaError, open_store
from jotary.server.store.clock import COMPARISON_INTERVAL, DatabaseClock
from jotary.server.store.while_needed import WhileNeeded
from jotary.server.telemetry import READY, STOPPING, RequestIds, Telemetry, configure_logging, tell_service_manager
from jotary.server.telemetry.key_care import KeyCare, renew
from jotary.server.telemetry.periodic import periodically
from jotary.server.telemetry.request_id import current_origin
from jotary.server.telemetry.trail_care import TrailCare
from jotary.server.web import Forwarded, Parts, build_app

if TYPE_CHECKING:
    from jotary.server.telemetry.tracing.tracing import Tracing

#: Seconds between two looks at the signing keys: far within the interval that the schedule reckons with, so that no
#: process signs with a withdrawn key for longer than APIs take to refuse it.
KEY_REFRESH_INTERVAL: Final = 1
#: Seconds between two sweeps of what has expired.
PURGE_INTERVAL: Final = 600

#: What keeps a server from starting that is the operator's to mend: said in one line, without a traceback.
START_ERRORS: Final = (SealError, Unavailable, UnknownSchemaError, ValueError)

log = structlog.get_logger("jotary.server")


def system_clock() -> int:
    """Unix time in whole seconds."""
    return int(time.time())


def system_entropy(size: int) -> bytes:
    """Random bytes from the operating system."""
    return os.urandom(size)


class Application:
    """The authorization server as an ASGI application.

    By itself it is started and stopped by the server's lifespan. Mounted in another application, whose framework does
    not pass the lifespan on, it is started by that one's own: `async with application.running(): ...`.

    Args:
        settings: what the operator has decided.
        clock: where `now` comes from.
        entropy: where randomness comes from.
        tracing: makes spans; None lets OpenTelemetry's variables decide.
    """

    def __init__(self, settings: Settings, *, clock: Clock, entropy: Entropy, tracing: "Tracing | None" = None) -> None:
        self._tracing = tracing
        self._settings = settings
        self._clock = clock
        self._database_clock = DatabaseClock(clock)
        self._entropy = entropy
        self._routes: ASGIApp | None = None
        self._is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through the server's lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._routes is None:
            raise RuntimeError(
                "jotary is not running: the application that it is mounted in must enter `application.running()` in"
                " its own lifespan"
            )
        else:
            await self._routes(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open everything, serve, and close it again.

        Raises:
            SealError: another secret sealed the signing keys.
            Unavailable: the database cannot be opened.
            UnknownSchemaError: a newer version wrote the database.
        """
        self._is_stopping = False
        async with AsyncExitStack() as stack:
            telemetry = Telemetry(self._settings, self._clock, os.environ, tracing=self._tracing)
            await stack.enter_async_context(telemetry.running())
            store = await _open_store(self._settings, watches=telemetry.store_watches)
            stack.push_async_callback(store.close)
            await stack.enter_async_context(TrailCare(store, self._settings, self._clock).running())
            hasher = HashingPool(
                workers=self._settings.hash_workers, queue=self._settings.hash_queue, watch=telemetry.hash_watch
            )
            stack.push_async_callback(asyncio.to_thread, hasher.close)
            compare = partial(self._database_clock.compare, store)
            await compare()
            await stack.enter_async_context(periodically(COMPARISON_INTERVAL, compare, "clock_comparison"))
            keyring = make_keyring(self._settings, store, clock=self._clock, entropy=self._entropy)
            stack.push_async_callback(asyncio.to_thread, keyring.close)
            await keyring.refresh()
            await stack.enter_async_context(
                periodically(KEY_REFRESH_INTERVAL, KeyCare(keyring, telemetry.keys_read), "key_refresh")
            )
            await stack.enter_async_context(
                periodically(PURGE_INTERVAL, lambda: self._purge(store, telemetry), "purge")
            )
            parts = self._parts(store, telemetry.hasher(hasher), telemetry.signer(keyring), keyring, telemetry)
            telemetry.read(store=store, keyring=keyring, feed=parts.feed.figures, passwords=lambda: hasher.waiting)
            routes = telemetry.requests(build_app(parts))
            # The address is found first: a request's audit events have it, too.
            named = RequestIds(routes, self._entropy, tell=telemetry.request_meter)
            self._routes = Forwarded(named, self._settings.trusted_proxies)
            log.info("started", issuer=self._settings.issuer)
            try:
                yield
            finally:
                self._routes = None
                log.info("stopped", issuer=self._settings.issuer)

    def begin_to_stop(self) -> None:
        """Send away who waits here for news, which would otherwise hold up the end. A signal handler may call it."""
        self._is_stopping = True

    def is_stopping(self) -> bool:
        """Whether it was told to. Who serves it keeps no connection open then."""
        return self._is_stopping

    def _is_needed(self) -> bool:
        return not self._is_stopping

    async def _purge(self, store: Store, telemetry: Telemetry) -> None:
        removed = await store.purge(self._clock())
        telemetry.purged(removed)
        log.debug("purged", rows=removed)

    def _parts(
        self, store: Store, hasher: PasswordHasher, signer: Signer, keyring: Keyring, telemetry: Telemetry
    ) -> Parts:
        settings = self._settings
        limiter = telemetry.limiter(store, derive_keys(settings, "limits")[0])
        authentication = ClientAuthentication(store, limiter, settings)
        refresh_tokens = RefreshTokens(*derive_keys(settings, "refresh-token"))
        csrf_key, *accepted_csrf_keys = derive_keys(settings, "csrf")
        issuance = Issuance(signer, self._entropy, settings)
        grants = GrantContext(store, issuance, refresh_tokens, settings, self._database_clock.ahead)
        feed_store = WhileNeeded(store, self._is_needed)

        async def ready() -> None:  # a read, and no write (docs/decisions, "Ready means that reads are answered")
            await feed_store.revocations(now=self._clock(), limit=1)

        return Parts(
            settings=settings,
            store=store,
            factor=PasswordFactor(store, hasher),
            hasher=hasher,
            signer=signer,
            clock=self._clock,
            entropy=self._entropy,
            limiter=limiter,
            csrf_key=csrf_key,
            accepted_csrf_keys=tuple(accepted_csrf_keys),
            token=telemetry.tokens(TokenEndpoint(authentication, grants)),
            revocation=RevocationEndpoint(authentication, store, keyring, refresh_tokens, settings),
            introspection=IntrospectionEndpoint(authentication, store, keyring, refresh_tokens, settings),
            userinfo=UserinfoEndpoint(store, keyring, settings),
            documents=Documents(settings=settings, signer=keyring),
            feed=RevocationFeed(
                feed_store, signer, self._clock, issuer=settings.issuer, renew_keys=partial(renew, keyring)
            ),
            ready=ready,
            scope_descriptions=settings.scope_descriptions,
        )

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan protocol. A failure that the operator can mend is said in one line."""
        await receive()
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.running())
            except START_ERRORS as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


class _Worker(Application):
    """The application of a process that does nothing else: what stops the process is told to the application first.

    The service manager hears of both, should there be one.
    """

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """As of every application, and listening for signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            then = signal.getsignal(number)
            if callable(then):
                signal.signal(number, partial(self._hear, then))
        async with super().running():
            tell_service_manager(READY, os.environ)
            yield

    def begin_to_stop(self) -> None:
        """As of every application."""
        tell_service_manager(STOPPING, os.environ)
        super().begin_to_stop()

    def _hear(self, then: Callable[[int, FrameType | None], object], number: int, frame: FrameType | None) -> None:
        self.begin_to_stop()
        then(number, frame)


async def _open_store(settings: Settings, *, watches: Sequence[StoreWatch] = ()) -> Store:
    connections, enrol = settings.database_connections, make_enrolment(settings, entropy=system_entropy)
    return await open_store(
        settings.database, connections=connections, watches=watches, origin=current_origin, enrol=enrol
    )


def create_app(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    entropy: Entropy = system_entropy,
    tracing: "Tracing | None" = None,
) -> Application:
    """The authorization server that these settings describe, as an ASGI application.

    Nothing is opened before its lifespan begins.
    """
    return Application(settings, clock=clock, entropy=entropy, tracing=tracing)


async def prepare(settings: Settings) -> None:
    """Bring the database's schema and the signing keys up to date, as every start does; then close it again.

    Raises:
        SealError, Unavailable, UnknownSchemaError: as `Application.running`.
    """
    store = await _open_store(settings)
    try:
        await make_keyring(settings, store, clock=system_clock, entropy=system_entropy).refresh()
    finally:
        await store.close()


def from_environment() -> Application:
    """The server that `jotary.toml` and `JOTARY_*` describe, with its logs set up: what an ASGI server's workers load.

    Raises:
        SettingsError: with what to change.
    """
    loaded = load(environ=os.environ, folder=Path.cwd())
    configure_logging(loaded.settings)
    if loaded.secret.is_new:
        log.warning("secret_created", file=loaded.secret.origin, hint="Keep it, and back it up with the database.")
    return _Worker(loaded.settings, clock=system_clock, entropy=system_entropy)
