"""A sealed trail, and somebody who can write to the database and does not have the secret."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from jotary.server.flows.audit.sealing import Sealing
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.store import Store
from jotary.server.store.backends import backend

KEYS = (b"k" * 32,)


@pytest.fixture
def event() -> Callable[[int, int], Event]:
    """An event with something in every member, by its number and its moment."""

    def make(number: int, at: int) -> Event:
        return Event(
            kind="sign_in.accepted",
            at=at,
            user_id=f"user-{number}",
            client_id="web",
            session_id="session",
            address="192.0.2.1",
            actor="root",
            request_id="0011223344556677",
            detail={"methods": ["pwd"], "number": number},
        )

    return make


@pytest.fixture
async def trail(empty_store: Store, now: int, event: Callable[[int, int], Event]) -> Store:
    """A store with seven sealed events."""
    for number in range(7):
        await empty_store.commit(AddEvent(event(number, now + number)))
    assert (await Sealing(empty_store, KEYS)(now)).events == 7
    return empty_store


@pytest.fixture
def tamper(database_url: str) -> Callable[..., Any]:
    """Run SQL as somebody who can write to the database and does not have the secret."""

    async def run(*statements: str, **values: Any) -> None:
        def execute(connection: sa.Connection) -> None:
            for statement in statements:
                connection.execute(sa.text(statement), {name: values[name] for name in sa.text(statement)._bindparams})

        await asyncio.to_thread(backend(database_url).change_schema, database_url, execute)

    return run
