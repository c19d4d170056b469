"""From a forged row to the answer of a server that runs: nothing, but an alarm (docs/decisions/0017)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import msgspec
import pytest
from structlog.testing import capture_logs

from jotary.jose import Key
from jotary.oauth.secret import Secret
from jotary.server import app as app_module
from jotary.server.model.changes import AddSigningKey
from jotary.server.settings import Settings
from jotary.server.store import Store, open_store

START: Final = 1_800_000_000


@asynccontextmanager
async def served(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A server on the database, and a client at its door."""
    settings = Settings(secret=Secret("the secret of the server of these tests"), database=url)
    app = app_module.create_app(settings, clock=lambda: START)
    transport = httpx2.ASGITransport(app=app)
    async with app.running(), httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


async def published(client: httpx2.AsyncClient) -> list[str]:
    """The names of the keys in the key set."""
    return [key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]]


async def until(has_happened: Callable[[], Awaitable[object]]) -> None:
    """Look again and again; if it never happens, the test's time limit ends it."""
    while not await has_happened():  # noqa: ASYNC110 -- what is looked at is a database and a log, which set no event
        await asyncio.sleep(0.01)


async def forge(store: Store) -> str:
    """Write the public half of a key of one's own beside the server's."""
    (row,) = await store.signing_keys()
    public = Key.generate("ES256").public()
    forged = msgspec.structs.replace(row, id=public.kid, public_jwk=public.to_jwk(), sealed_private_key=b"")
    await store.commit(AddSigningKey(forged))
    return forged.id


def test_a_key_that_somebody_wrote_into_the_database_is_not_served(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By no server that runs and by none that starts; log and audit trail say it once, with what to do."""
    monkeypatch.setattr(app_module, "KEY_REFRESH_INTERVAL", 0.01)

    def said(logs: list[Any]) -> list[Any]:
        return [entry for entry in logs if entry["event"] == "signing_key_tampered"]

    async def journey() -> None:
        store = await open_store(database_url)
        async with served(database_url) as client:
            kids = await published(client)
            with capture_logs() as logs:
                forged = await forge(store)
                await until(lambda: asyncio.sleep(0, said(logs)))
                await asyncio.sleep(0.1)  # for more looks
            ((kid, level, hint),) = [(entry["kid"], entry["log_level"], entry["hint"]) for entry in said(logs)]
            assert (kid, level) == (forged, "critical")
            assert "jotary doctor" in hint
            assert await published(client) == kids
            async with served(database_url) as restarted:
                assert await published(restarted) == kids
        events = [event.detail for event in await store.events() if event.kind == "key.tampered"]
        assert events == [{"kid": forged}]
        await store.close()

    asyncio.run(journey())
