"""Tokens of a service for itself, where threads and processes run short: nobody waits for ever."""

import json
import os
import signal
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from jotary.client.client_authentication import SecretBasic
from jotary.client.errors import UnavailableError
from jotary.client.service import ServiceTokens
from jotary.oauth.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "https://id.example.com"
METADATA = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
TOKEN = {"access_token": "token", "token_type": "Bearer", "expires_in": 300}


class Network(httpx2.AsyncBaseTransport):
    """An issuer that answers when the gate is open."""

    def __init__(self) -> None:
        self.gate = Event()
        self.gate.set()
        self.asked = Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Metadata, or a token."""
        self.asked.set()
        self.gate.wait(10)
        said = METADATA if request.method == "GET" else TOKEN
        headers = {"Content-Type": "application/json"}
        return httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(json.dumps(said).encode()))


@pytest.fixture
def network() -> Network:
    """Of the issuer."""
    return Network()


@pytest.fixture
def service(network: Network) -> ServiceTokens:
    """A service at this issuer."""
    return ServiceTokens(
        issuer=ISSUER,
        credentials=SecretBasic("robot", Secret("s3cret")),
        resource="https://todo.example.com",
        network=network,
        clock=lambda: 1_800_000_000,
    )


def test_without_a_thread_the_next_request_tries_again(service: ServiceTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python raises RuntimeError where the system gives no thread; a flight that never began must not be waited for."""

    def refuse(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        with pytest.raises(UnavailableError, match="no thread"):
            service.fresh_blocking()
    assert _within(10, service.fresh_blocking) == "token"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_asks_although_its_parent_was_asking(service: ServiceTokens, network: Network) -> None:
    """At the fork the lock was held and a request under way; in the child there is no thread that would end either."""
    network.gate.clear()
    waiting = Thread(target=service.fresh_blocking)
    waiting.start()
    assert network.asked.wait(10)
    with service._lock:
        child = os.fork()
        if not child:  # pragma: no cover -- measured in the parent alone
            _ask_and_leave(service, network)
    _, status = os.waitpid(child, 0)
    network.gate.set()
    waiting.join(10)
    assert os.waitstatus_to_exitcode(status) == 0


def _ask_and_leave(service: ServiceTokens, network: Network) -> None:  # pragma: no cover -- runs in the child
    """Leave with 0 if everything went well; never return into pytest."""
    code = 1
    signal.alarm(10)  # should it wait for ever, the parent must not
    try:
        network.gate = Event()  # the parent's lock of it may be held
        network.gate.set()
        network.asked = Event()
        assert service.fresh_blocking().access_token.matches(Secret("token"))
        code = 0
    finally:
        os._exit(code)


def _within(seconds: float, ask: "Callable[[], Any]") -> str:
    """The access token; fails rather than waiting for ever."""
    found: list[Any] = []
    thread = Thread(target=lambda: found.append(ask()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, "nobody answers"
    token: str = found[0].access_token.reveal()
    return token
