"""What an interrupt, a store that fails and a clock that jumps may cost: never the session (design §6.1, §6.6)."""

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest

from jotary.client.native import NativeApp, NotSignedInError, StoreError
from jotary.client.native.session import SharedSession
from jotary.oauth.secret import Secret
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer
    from tests.unit.client.native.conftest import MakeApp, MemoryStore

    Show = Callable[[str], None]

TOKEN = "https://id.example/token"
BEYOND_RETRIES = 31  # seconds; an old refresh token is taken for theft then (design §6.1)


@pytest.fixture
def app(make_app: "MakeApp", store: "MemoryStore", person: "Show") -> NativeApp:
    """An application whose person has signed in."""
    app = make_app(store)
    asyncio.run(app.login(show=person))
    return app


def access_token(app: NativeApp) -> str:
    """The token that the application would send now."""
    return asyncio.run(app.session()).tokens.access_token.reveal()


class Stalling(httpx2.AsyncBaseTransport):
    """Lets requests arrive, and the first answer of the token endpoint never come."""

    def __init__(self, network: "Network") -> None:
        self._network = network
        self.counted = threading.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Carry one request."""
        response = await self._network.handle_async_request(request)
        if str(request.url) == TOKEN and not self.counted.is_set():
            self.counted.set()
            await asyncio.Event().wait()
        return response


def test_an_interrupt_in_the_middle_of_a_refresh_does_not_cost_the_session(
    app: NativeApp, store: "MemoryStore", network: "Network", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """The issuer has counted it, so the answer is had again and kept before the event loop ends."""
    clock.advance(299)
    stalling = Stalling(network)
    other = NativeApp(issuer=app.issuer, client_id=app.client_id, store=store, network=stalling, clock=clock)

    async def scene() -> None:
        waiting = asyncio.ensure_future(other.session())
        await asyncio.to_thread(stalling.counted.wait)
        assert not waiting.done()  # and here the loop ends, as after an interrupt

    asyncio.run(scene())
    clock.advance(299 + BEYOND_RETRIES)
    assert issuer.is_good(access_token(app))


def test_an_interrupt_does_not_wait_for_an_issuer_that_is_down(
    app: NativeApp, store: "MemoryStore", network: "Network", clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is asked once more, and no error of that is heard of."""
    clock.advance(3600)
    stalling = Stalling(network)
    other = NativeApp(issuer=app.issuer, client_id=app.client_id, store=store, network=stalling, clock=clock)

    async def scene() -> None:
        waiting = asyncio.ensure_future(other.session())
        await asyncio.to_thread(stalling.counted.wait)
        network.fail(TOKEN, *[httpx2.ConnectError("down")] * 3)
        assert not waiting.done()

    asyncio.run(scene())
    assert "asyncio" not in {record.name for record in caplog.records}
    assert store.text is not None


class SlowStore:
    """A store that writes when it is told to, and counts."""

    def __init__(self, store: "MemoryStore") -> None:
        self.max_length: int | None = None
        self.writing, self.go_on = threading.Event(), threading.Event()
        self.load, self.delete, self.try_lock = store.load, store.delete, store.try_lock
        self._store = store

    def save(self, text: Secret) -> None:
        """Take some time."""
        self.writing.set()
        assert self.go_on.wait(20)
        self._store.save(text)  # asserts that the lock is held


def test_the_lock_is_held_until_what_was_interrupted_is_written(
    app: NativeApp, store: "MemoryStore", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """Else somebody else would write meanwhile; and of a sign-in that was given up nothing is left at the issuer."""
    session = asyncio.run(app.session())
    slow = SlowStore(store)
    shared = SharedSession(slow, issuer=app.issuer, client_id=app.client_id, clock=clock)

    async def scene() -> None:
        async with app._provider() as provider:
            keeping = asyncio.ensure_future(shared.keep(session, provider))
            await asyncio.to_thread(slow.writing.wait)
            keeping.cancel()
            await asyncio.sleep(0.05)
            assert store.try_lock() is None
            slow.go_on.set()
            with pytest.raises(asyncio.CancelledError):
                await keeping

    asyncio.run(scene())
    assert issuer.ended == set(issuer.generations) != set()


class ReadOnlyStore:
    """A store on a disk that takes nothing more, from some write on."""

    def __init__(self, store: "MemoryStore", *, writes: int = 0) -> None:
        self.max_length: int | None = None
        self.load, self.delete, self.try_lock = store.load, store.delete, store.try_lock
        self.writes = writes
        self._store = store

    def save(self, text: Secret) -> None:
        """Fail, but for the first writes."""
        if self.writes == 0:
            raise StoreError("no space left", hint="Make room.")
        self.writes -= 1
        self._store.save(text)


def test_where_nothing_can_be_written_the_issuer_is_not_asked(
    app: NativeApp, store: "MemoryStore", network: "Network", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """The one copy of a new refresh token would be lost, and the old one be taken for theft later."""
    clock.advance(299)
    full = ReadOnlyStore(store)
    other = NativeApp(issuer=app.issuer, client_id=app.client_id, store=full, network=network, clock=clock)
    asked = network.count(TOKEN)
    with pytest.raises(StoreError, match="no space left"):
        access_token(other)
    assert network.count(TOKEN) == asked
    clock.advance(BEYOND_RETRIES)
    full.writes = 2
    assert issuer.is_good(access_token(other))


def test_what_could_not_be_kept_although_there_was_room_is_had_again(
    app: NativeApp, store: "MemoryStore", network: "Network", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """Design §6.1: within the issuer's window, as after a crash."""
    clock.advance(299)
    full = ReadOnlyStore(store, writes=1)
    other = NativeApp(issuer=app.issuer, client_id=app.client_id, store=full, network=network, clock=clock)
    asked = network.count(TOKEN)
    with pytest.raises(StoreError, match="no space left"):
        access_token(other)
    assert network.count(TOKEN) == asked + 1
    full.writes = 2
    assert issuer.is_good(access_token(other))


@pytest.mark.parametrize("refresh_token", [True, False])
def test_a_login_that_cannot_be_kept_is_told_as_such(
    make_app: "MakeApp",
    store: "MemoryStore",
    person: "Show",
    issuer: "SmallIssuer",
    network: "Network",
    *,
    refresh_token: bool,
) -> None:
    """Also where the session cannot be ended at the issuer: it is the store that the person can mend."""
    store.failing = 1
    if refresh_token:
        network.fail("https://id.example/revoke", *[503] * 3)
    else:
        issuer.answer["refresh_token"] = None
    with pytest.raises(StoreError, match="full"):
        asyncio.run(make_app(store).login(show=person))


def test_a_session_without_a_refresh_token_is_neither_traded_nor_revoked(
    make_app: "MakeApp", store: "MemoryStore", person: "Show", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """RFC 6749 §5.1: there is nothing to ask the issuer for, nor to wait for anybody; signing out forgets it."""
    issuer.answer["refresh_token"] = None
    app = make_app(store)
    token = asyncio.run(app.login(show=person)).tokens.access_token
    clock.advance(31)
    held = store.held
    assert asyncio.run(app.session(refused=token)).tokens.access_token.matches(token)
    assert store.held == held
    assert asyncio.run(app.logout())
    assert (store.text, issuer.ended) == (None, set())


def test_an_entry_that_is_being_replaced_is_not_taken_for_none(
    app: NativeApp, make_app: "MakeApp", store: "MemoryStore"
) -> None:
    """An entry of macOS's keychain is removed first by keyring; whoever does it holds the lock."""
    text, store.text = store.text, None
    held = store.try_lock()
    assert held is not None

    async def scene() -> str:
        waiting = asyncio.ensure_future(make_app(store).session())
        await asyncio.sleep(0.1)
        store.text = text
        held.release()
        return (await waiting).tokens.access_token.reveal()

    assert asyncio.run(scene()) == access_token(app)


def test_where_nobody_is_signed_in_it_is_said(make_app: "MakeApp", store: "MemoryStore") -> None:
    """After a second look, for which the lock is let go."""
    with pytest.raises(NotSignedInError):
        access_token(make_app(store))
    assert store.try_lock() is not None


def test_a_clock_that_is_set_back_makes_no_token_young(
    app: NativeApp, network: "Network", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """An hour later by the world's clock the token has long expired, and each API refuses it."""
    first = access_token(app)
    issuer.clock = FrozenClock(clock() + 1)
    clock.advance(-3600)
    second = access_token(app)
    assert second != first
    asked = network.count(TOKEN)
    assert access_token(app) == second
    assert network.count(TOKEN) == asked


def test_a_clock_that_is_set_back_does_not_prolong_the_pause_after_a_failure(
    app: NativeApp, network: "Network", clock: FrozenClock
) -> None:
    """An issuer that was down is asked again after five seconds by any clock."""
    clock.advance(290)
    network.fail(TOKEN, *[503] * 3)
    first = access_token(app)
    clock.advance(-200)
    assert access_token(app) == first  # not due by this clock
    clock.advance(-3600)
    assert access_token(app) != first


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_clock_that_is_wrong_ends_no_session(
    app: NativeApp, issuer: "SmallIssuer", clock: FrozenClock, seconds: int
) -> None:
    """The ID token of a refresh comes straight from the issuer: its times say only how our clock goes."""
    clock.advance(299)
    issuer.clock = FrozenClock(clock())
    clock.advance(seconds)
    assert issuer.is_good(access_token(app))
