"""A store in memory and an application on it, with a person who answers at once."""

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest

from jotary.client.native import HeldLock, NativeApp, StoreError
from jotary.oauth.secret import Secret
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer


class _Held:
    def __init__(self, lock: threading.Lock) -> None:
        self.release = lock.release


class MemoryStore:
    """A `TokenStore` that counts, and fails as it is told."""

    def __init__(self, max_length: int | None = None) -> None:
        self.max_length: int | None = max_length
        self.text: Secret | None = None
        self.failing = 0
        self.held = 0
        self._lock = threading.Lock()

    def load(self) -> Secret | None:
        """What was saved."""
        return self.text

    def save(self, text: Secret) -> None:
        """Keep it, unless told to fail."""
        assert self._lock.locked()
        if self.failing:
            self.failing -= 1
            raise StoreError("the store is full", hint="Make room.")
        self.text = text

    def delete(self) -> None:
        """Forget it."""
        assert self._lock.locked()
        self.text = None

    def try_lock(self) -> HeldLock | None:
        """One at a time."""
        if not self._lock.acquire(blocking=False):
            return None
        self.held += 1
        return _Held(self._lock)


MakeApp = Callable[[MemoryStore], NativeApp]


@pytest.fixture
def store() -> MemoryStore:
    """Empty."""
    return MemoryStore()


@pytest.fixture
def make_app(network: "Network", issuer: "SmallIssuer", clock: FrozenClock) -> MakeApp:
    """Applications of one person: each stands for a process of its own."""

    def make(store: MemoryStore) -> NativeApp:
        return NativeApp(issuer="https://id.example", client_id="todo-web", store=store, network=network, clock=clock)

    return make


@pytest.fixture
def person(network: "Network") -> Callable[[str], None]:
    """Opens a URL as a browser does, follows the issuer back to loopback, and reads the page there."""

    async def visit(url: str) -> None:
        async with httpx2.AsyncClient(transport=network) as browser:
            back = (await browser.get(url)).headers["Location"]
        assert urlsplit(back).hostname == "127.0.0.1"
        async with httpx2.AsyncClient(trust_env=False) as browser:
            await browser.get(back)

    started: list[threading.Thread] = []

    def show(url: str) -> None:
        started.append(threading.Thread(target=asyncio.run, args=(visit(url),)))
        started[-1].start()

    return show
