"""One session for several processes: one refresh, and no token is lost (design §6.1, §6.6)."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest

from jotary.client.errors import IssuerError, ProtocolError, UnavailableError
from jotary.client.native import LoginError, NativeApp, NotSignedInError, StoreError
from jotary.client.native.session import LOCK_TIMEOUT, SharedSession
from jotary.client.provider import Provider
from jotary.oauth.secret import Secret
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer
    from tests.unit.client.native.conftest import MakeApp, MemoryStore

    Show = Callable[[str], None]

TOKEN = "https://id.example/token"
REVOKE = "https://id.example/revoke"


@pytest.fixture
def app(make_app: "MakeApp", store: "MemoryStore", person: "Show") -> NativeApp:
    """An application whose person has signed in."""
    app = make_app(store)
    session = asyncio.run(app.login(show=person))
    assert session.subject == "person-1"
    return app


def access_token(app: NativeApp, *, refused: Secret | None = None) -> str:
    """The token that the application would send now."""
    return asyncio.run(app.session(refused=refused)).tokens.access_token.reveal()


def test_another_process_goes_on_with_the_session(app: NativeApp, make_app: "MakeApp", store: "MemoryStore") -> None:
    """What was saved is all that it takes."""
    assert access_token(make_app(store)) == access_token(app)


def test_many_at_once_refresh_once(
    app: NativeApp, make_app: "MakeApp", store: "MemoryStore", network: "Network", clock: FrozenClock
) -> None:
    """Design §6.6: whoever waited for the lock finds the work done."""
    clock.advance(299)
    before = network.count(TOKEN)

    async def all_at_once() -> set[str]:
        sessions = await asyncio.gather(*(make_app(store).session() for _ in range(10)), app.session())
        return {session.tokens.access_token.reveal() for session in sessions}

    assert len(asyncio.run(all_at_once())) == 1
    assert network.count(TOKEN) == before + 1


def test_an_answer_that_could_not_be_kept_is_had_again(
    app: NativeApp, store: "MemoryStore", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """Design §6.1: as after a crash between answer and store, the old token is traded again within the window."""
    clock.advance(299)
    store.failing = 1
    with pytest.raises(StoreError):
        access_token(app)
    assert issuer.is_good(access_token(app))


def test_a_lost_answer_signs_nobody_out(
    app: NativeApp, network: "Network", issuer: "SmallIssuer", clock: FrozenClock
) -> None:
    """Design §6.1: asked again, the issuer gives the same answer."""
    clock.advance(299)
    network.lose_answers(TOKEN)
    assert issuer.is_good(access_token(app))


def test_who_is_cancelled_does_not_lose_the_refresh(
    app: NativeApp, make_app: "MakeApp", store: "MemoryStore", network: "Network", clock: FrozenClock
) -> None:
    """The issuer has counted it, so it goes on, and what comes of it is kept."""
    clock.advance(299)
    before = store.text

    async def scene() -> None:
        gate = network.hold(TOKEN)
        waiting = asyncio.ensure_future(app.session())
        await gate.arrived.wait()
        waiting.cancel()
        gate.go_on.set()
        async with asyncio.timeout(20):
            while store.text is before:  # noqa: ASYNC110 -- the store tells nobody
                await asyncio.sleep(0.01)

    asyncio.run(scene())


def test_while_the_token_lives_an_issuer_that_is_down_disturbs_nobody(
    app: NativeApp, network: "Network", clock: FrozenClock
) -> None:
    """And it is not asked again with each request."""
    token = access_token(app)
    clock.advance(290)
    network.fail(TOKEN, *[503] * 9)
    assert access_token(app) == token
    asked = network.count(TOKEN)
    assert access_token(app) == token
    assert network.count(TOKEN) == asked


def test_an_issuer_that_was_down_is_asked_again_after_five_seconds(
    app: NativeApp, network: "Network", clock: FrozenClock
) -> None:
    """And not a second later: the token that is left does not live long."""
    token = access_token(app)
    clock.advance(290)
    network.fail(TOKEN, *[503] * 9)
    assert access_token(app) == token
    asked = network.count(TOKEN)
    for seconds, more in ((4, False), (1, True)):
        clock.advance(seconds)
        assert access_token(app) == token
        assert (network.count(TOKEN) > asked) is more


def test_a_token_that_has_expired_is_not_given_out_because_the_issuer_was_just_down(
    app: NativeApp, network: "Network", clock: FrozenClock
) -> None:
    """RFC 6749 §1.5: an API would refuse it; the issuer is asked again at once."""
    token = access_token(app)
    clock.advance(297)
    network.fail(TOKEN, *[503] * 3)
    assert access_token(app) == token
    clock.advance(3)
    assert access_token(app) != token


def test_a_session_without_a_refresh_token_lasts_as_long_as_its_access_token(
    make_app: "MakeApp",
    store: "MemoryStore",
    person: "Show",
    issuer: "SmallIssuer",
    network: "Network",
    clock: FrozenClock,
) -> None:
    """RFC 6749 §5.1: an issuer may give none; there is nothing to ask it for until then."""
    issuer.answer["refresh_token"] = None
    app = make_app(store)
    token = asyncio.run(app.login(show=person)).tokens.access_token.reveal()
    asked = network.count(TOKEN)
    clock.advance(299)
    assert access_token(app) == token
    assert network.count(TOKEN) == asked
    clock.advance(1)
    with pytest.raises(NotSignedInError, match="over"):
        access_token(app)
    assert store.text is None


def test_after_the_token_has_expired_the_session_is_kept(
    app: NativeApp, network: "Network", store: "MemoryStore", clock: FrozenClock
) -> None:
    """An issuer that is down for an hour signs nobody out."""
    clock.advance(3600)
    network.fail(TOKEN, *[httpx2.ConnectError("down")] * 3)
    with pytest.raises(UnavailableError):
        access_token(app)
    assert store.text is not None
    access_token(app)


def test_a_session_that_is_over_is_forgotten(
    app: NativeApp, issuer: "SmallIssuer", store: "MemoryStore", clock: FrozenClock
) -> None:
    """RFC 6749 §5.2: `invalid_grant`."""
    issuer.ended.update(issuer.generations)
    clock.advance(299)
    with pytest.raises(NotSignedInError, match="over"):
        access_token(app)
    assert store.text is None


def test_a_refused_token_is_traded_unless_it_is_new(app: NativeApp, clock: FrozenClock) -> None:
    """An API that refuses every token does not make each request a refresh."""
    first = Secret(access_token(app))
    assert access_token(app, refused=first) == first.reveal()
    clock.advance(29)
    assert access_token(app, refused=first) == first.reveal()
    clock.advance(1)
    second = access_token(app, refused=first)
    assert second != first.reveal()
    clock.advance(30)
    assert access_token(app, refused=first) == second  # another process has traded the refused one already


def test_a_lock_that_is_never_let_go_is_told(store: "MemoryStore", clock: FrozenClock) -> None:
    """Nobody goes on without it: two that refresh with one token would end the session (RFC 9700 §4.14.2)."""
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    shared = SharedSession(store, issuer="https://id.example", client_id="todo-web", clock=clock, sleep=sleep)
    assert store.try_lock() is not None
    provider = Provider.__new__(Provider)  # never asked
    with pytest.raises(StoreError, match="holds the lock"):
        asyncio.run(shared.fresh(provider, refused=None))
    assert sum(waited) == pytest.approx(LOCK_TIMEOUT)


def test_signing_out_leaves_nothing(app: NativeApp, issuer: "SmallIssuer", store: "MemoryStore") -> None:
    """RFC 7009: revoked at the issuer, deleted here."""
    token = access_token(app)
    assert asyncio.run(app.logout())
    assert (store.text, issuer.is_good(token)) == (None, False)
    with pytest.raises(NotSignedInError):
        access_token(app)


def test_signing_out_deletes_also_where_the_issuer_is_down(
    app: NativeApp, network: "Network", store: "MemoryStore"
) -> None:
    """The person wants to be gone from this machine; that the issuer does not know is told."""
    network.fail(REVOKE, *[503] * 3)
    assert not asyncio.run(app.logout())
    assert store.text is None


def test_a_text_that_is_no_session_is_refused_and_can_be_removed(make_app: "MakeApp", store: "MemoryStore") -> None:
    """Whatever another program wrote there: no token of it goes anywhere, and signing out cleans up."""
    store.text = Secret('{"version": 1}')
    other = make_app(store)
    with pytest.raises(StoreError):
        access_token(other)
    assert not asyncio.run(other.logout())
    assert store.load() is None


def test_a_session_of_another_issuer_is_refused(app: NativeApp, store: "MemoryStore") -> None:
    """Its refresh token would go to somebody who must not see it."""
    other = NativeApp(issuer="https://other.example", client_id="todo-web", store=store)
    with pytest.raises(StoreError):
        access_token(other)


def test_where_entries_are_short_the_access_token_is_left_out(
    make_app: "MakeApp", store: "MemoryStore", person: "Show", issuer: "SmallIssuer"
) -> None:
    """Windows keeps 1,280 characters; another process refreshes first then."""
    store.max_length = 400
    app = make_app(store)
    token = asyncio.run(app.login(show=person)).tokens.access_token
    assert store.text is not None
    assert len(store.text.reveal()) <= 400
    assert issuer.is_good(access_token(make_app(store)))
    assert access_token(app) == token.reveal()


def test_nothing_is_left_at_the_issuer_of_a_login_that_cannot_be_kept(
    make_app: "MakeApp", store: "MemoryStore", person: "Show", issuer: "SmallIssuer"
) -> None:
    """A session that nobody holds would live on unseen."""
    store.failing = 1
    with pytest.raises(StoreError):
        asyncio.run(make_app(store).login(show=person))
    assert issuer.ended == set(issuer.generations) != set()


def test_an_answer_of_another_issuer_ends_the_login(
    make_app: "MakeApp", store: "MemoryStore", person: "Show", issuer: "SmallIssuer"
) -> None:
    """RFC 9207 §2.4, through the listener."""
    issuer.callback = {"iss": "https://evil.example"}
    with pytest.raises(ProtocolError, match="iss"):
        asyncio.run(make_app(store).login(show=person))


def test_a_refusal_ends_the_login(
    make_app: "MakeApp", store: "MemoryStore", person: "Show", issuer: "SmallIssuer"
) -> None:
    """RFC 6749 §4.1.2.1."""
    issuer.callback = {"code": None, "error": "access_denied"}
    with pytest.raises(IssuerError, match="access_denied"):
        asyncio.run(make_app(store).login(show=person))


def test_a_stolen_state_is_needed(
    make_app: "MakeApp", store: "MemoryStore", person: "Show", issuer: "SmallIssuer"
) -> None:
    """RFC 6749 §10.12: an answer with another `state` is as if nobody had come, until time runs out."""
    issuer.callback = {"state": "forged"}
    with pytest.raises(LoginError, match="nobody signed in"):
        asyncio.run(make_app(store).login(show=person, timeout=0.5))
    assert store.text is None


def test_openid_is_needed(store: "MemoryStore") -> None:
    """Without an ID token nobody knows who signed in."""
    with pytest.raises(ValueError, match="openid"):
        NativeApp(issuer="https://id.example", client_id="c", store=store, scopes=("profile",))
