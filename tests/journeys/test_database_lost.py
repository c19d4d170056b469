"""The database goes away under a server that runs, and comes back: 503 meanwhile, and no restart."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import httpx2
import pytest

from jotary.cli.demonstration.cast import NATIVE

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

    from faults.postgresql import PostgreSQLServer

#: Seconds in which a server must be of use again when its database is.
RECOVERY = 5


@pytest.fixture
def user_database(own_postgresql: "PostgreSQLServer") -> str:
    """In a PostgreSQL that no other test needs."""
    return own_postgresql.url(own_postgresql.create_database())


@pytest.fixture
def ask(user_api: "UserAPI") -> Iterator[Callable[..., httpx2.Response]]:
    """Ask the server; an answer that takes longer than a call may and its way is a failure."""
    with httpx2.Client(base_url=user_api.start(), timeout=3, trust_env=False) as client:
        yield client.request


def recovered(ask: Callable[..., httpx2.Response], refresh: dict[str, str]) -> httpx2.Response:
    """The answer of a server that is of use again to a client that has asked all the time."""
    deadline = time.monotonic() + RECOVERY
    while (answer := ask("POST", "/token", data=refresh)).status_code == 503:
        assert time.monotonic() < deadline, "the server does not recover"
        time.sleep(0.1)
    assert answer.status_code == 200, "the session lives: nothing was revoked"
    return answer


@pytest.mark.parametrize("loss", ["stopped", "frozen"])
def test_a_server_without_its_database_says_so_and_recovers(
    user_api: "UserAPI", own_postgresql: "PostgreSQLServer", ask: Callable[..., httpx2.Response], loss: str
) -> None:
    """Design §9: 503 with Retry-After, never a false success, and nobody is signed out by it."""
    lose, bring_back = {
        "stopped": (own_postgresql.stop, own_postgresql.start),
        "frozen": (own_postgresql.freeze, own_postgresql.thaw),
    }[loss]
    player = user_api.player()
    player.sign_in()
    token = player.tokens.refresh_token
    refresh = {"grant_type": "refresh_token", "client_id": NATIVE, "refresh_token": token}
    revoke = {"client_id": NATIVE, "token": token}

    assert ask("GET", "/ready").status_code == 200
    lose()
    for path, form in [("/token", refresh), ("/revoke", revoke), ("/token", refresh)]:
        answer = ask("POST", path, data=form)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
    assert ask("GET", "/ready").status_code == 503
    assert ask("GET", "/health").status_code == 200
    assert ask("GET", "/.well-known/jwks.json").status_code == 200

    bring_back()
    answer = recovered(ask, refresh)
    assert ask("GET", "/ready").status_code == 200
    assert ask("POST", "/revoke", data={**revoke, "token": answer.json()["refresh_token"]}).status_code == 200
    assert user_api.session().end_reason is not None


@pytest.fixture
def writes(own_postgresql: "PostgreSQLServer", user_database: str) -> Iterator[tuple[Callable[[], None], ...]]:
    """Set the database to read only for every new connection, and break those that there are; and back."""
    name = user_database.partition("@/")[2].partition("?")[0]
    leave = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 -- our own

    def stop() -> None:
        own_postgresql.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on", leave)

    def go_on() -> None:
        own_postgresql.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    yield stop, go_on
    go_on()


def test_a_server_that_can_only_read_stays_in_service_for_reading(
    user_api: "UserAPI", ask: Callable[..., httpx2.Response], writes: tuple[Callable[[], None], ...]
) -> None:
    """All servers are on that database: if they left the load balancer, nobody would serve keys and cut-offs either.

    Decision "Ready means that reads are answered".
    """
    stop, go_on = writes
    player = user_api.player()
    player.sign_in()
    token = player.tokens.refresh_token
    refresh = {"grant_type": "refresh_token", "client_id": NATIVE, "refresh_token": token}
    stop()
    with httpx2.Client(base_url=user_api.start(door=1), timeout=3, trust_env=False) as started_now:
        for each in (ask, started_now.request):
            for path, form in (("/token", refresh), ("/revoke", {"client_id": NATIVE, "token": token})):
                answer = each("POST", path, data=form)
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
            for path in ("/ready", "/health", "/.well-known/jwks.json", "/revocations"):
                assert each("GET", path).status_code == 200, path

    go_on()
    recovered(ask, refresh)
