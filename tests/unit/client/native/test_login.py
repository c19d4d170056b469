"""Signing in, and what the application remembers of it between two calls (design §6.6)."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from jotary.client.errors import ProtocolError
from jotary.client.native import NativeApp, NotSignedInError, StoreError
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer
    from tests.unit.client.native.conftest import MakeApp, MemoryStore

    Show = Callable[[str], None]


@pytest.fixture
def app(make_app: "MakeApp", store: "MemoryStore") -> NativeApp:
    """An application in which nobody is signed in."""
    return make_app(store)


@pytest.mark.usefixtures("issuer")
def test_the_issuer_is_asked_for_what_the_application_wants(
    store: "MemoryStore", network: "Network", clock: FrozenClock, person: "Show"
) -> None:
    """RFC 6749 §3.3, RFC 8707 §2, OIDC Core §3.1.2.1."""
    app = NativeApp(
        issuer="https://id.example",
        client_id="todo-web",
        store=store,
        scopes=("openid", "todo"),
        resources=("https://api.example",),
        network=network,
        clock=clock,
    )
    shown: list[str] = []

    def show(url: str) -> None:
        shown.append(url)
        person(url)

    asyncio.run(app.login(show=show, prompt="select_account"))
    asked = parse_qs(urlsplit(shown[0]).query)
    assert asked["scope"] == ["openid todo"]
    assert asked["resource"] == ["https://api.example"]
    assert asked["prompt"] == ["select_account"]


def test_a_browser_that_takes_its_time_to_start_holds_up_nothing_else(app: NativeApp, person: "Show") -> None:
    """The event loop may be that of a desktop program."""
    threads: list[int] = []

    def show(url: str) -> None:
        threads.append(threading.get_ident())
        person(url)

    asyncio.run(app.login(show=show))
    assert threads != [threading.get_ident()]


def test_an_id_token_of_another_sign_in_is_refused(app: NativeApp, issuer: "SmallIssuer", person: "Show") -> None:
    """OIDC Core §3.1.3.7, point 11: it could have been stolen elsewhere and slipped in here."""
    issuer.claims["nonce"] = "another"
    with pytest.raises(ProtocolError, match="nonce"):
        asyncio.run(app.login(show=person))


def test_a_session_that_could_not_be_kept_is_not_used(app: NativeApp, store: "MemoryStore", person: "Show") -> None:
    """It was ended at the issuer, and other processes would know nothing of it."""
    store.failing = 1
    with pytest.raises(StoreError):
        asyncio.run(app.login(show=person))
    with pytest.raises(NotSignedInError):
        asyncio.run(app.session())


def test_while_the_token_lives_the_store_is_left_alone(app: NativeApp, store: "MemoryStore", person: "Show") -> None:
    """A keychain may ask the person, or take its time."""
    asyncio.run(app.login(show=person))
    held, store.text = store.held, None
    assert asyncio.run(app.session()).subject == "person-1"
    assert store.held == held


def test_what_another_process_refreshed_is_taken_without_waiting_for_anybody(
    app: NativeApp, make_app: "MakeApp", store: "MemoryStore", clock: FrozenClock, person: "Show"
) -> None:
    """And it is remembered in turn."""
    asyncio.run(app.login(show=person))
    clock.advance(299)
    fresh = asyncio.run(make_app(store).session())
    held = store.held
    for _ in range(2):
        session = asyncio.run(app.session())
        assert session.tokens.access_token.matches(fresh.tokens.access_token)
        assert store.held == held
        store.text = None


def test_a_session_that_is_gone_from_the_store_is_not_gone_on_with(
    app: NativeApp, store: "MemoryStore", clock: FrozenClock, person: "Show"
) -> None:
    """Another process has signed out; the API's refusal led here to look."""
    session = asyncio.run(app.login(show=person))
    clock.advance(100)
    store.text = None
    for refused in (session.tokens.access_token, None):
        with pytest.raises(NotSignedInError):
            asyncio.run(app.session(refused=refused))


def test_connections_to_the_issuer_end_with_what_they_were_for(
    app: NativeApp, network: "Network", person: "Show", monkeypatch: pytest.MonkeyPatch
) -> None:
    """They belong to an event loop that may end with it."""
    closed: list[bool] = []

    async def aclose() -> None:
        closed.append(True)

    asyncio.run(app.login(show=person))
    monkeypatch.setattr(network, "aclose", aclose)  # not before: the browser of these tests shares the network
    asyncio.run(app.logout())
    assert closed == [True]


def test_the_issuers_certificate_is_checked_as_the_application_says(store: "MemoryStore") -> None:
    """An authority within a company is known to it alone."""
    context = ssl.create_default_context()
    app = NativeApp(issuer="https://id.example", client_id="todo-web", store=store, tls=context)

    async def scene() -> None:
        async with app._provider() as provider:
            assert provider._transport._tls is context

    asyncio.run(scene())
