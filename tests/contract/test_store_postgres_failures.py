"""What a store on PostgreSQL does when the database goes away, hangs, and comes back."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from jotary.server.model.changes import (
    AddClient,
    AddEvent,
    AddSession,
    AddSignIn,
    AddUser,
    Change,
    EndSession,
    RotateSession,
)
from jotary.server.model.client import Client
from jotary.server.model.event import Event
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import Store, open_store
from jotary.server.store.postgres import open_driver

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer
    from jotary.server.store.postgres.driver import Connection

pytestmark = pytest.mark.anyio

#: Seconds: the bound of a call is below one, and a machine may be busy.
SOON = 3


@pytest.fixture
async def store(
    *,
    anyio_backend: str,
    own_postgresql: "PostgreSQLServer",
    user: User,
    client: Client,
    sign_in: SignIn,
    session: Session,
) -> AsyncIterator[Store]:
    """A store with a session, on a server of its own."""
    store = await open_store(own_postgresql.url(own_postgresql.create_database()), connections=4)
    await store.commit(AddUser(user), AddClient(client), AddSignIn(sign_in), AddSession(session))
    yield store
    await store.close()


async def failures(store: Store, session: Session, now: int) -> set[object]:
    """What becomes of more calls of every kind than there are connections, all at once."""
    async with asyncio.timeout(SOON):
        outcomes = await asyncio.gather(
            *(store.session(session.id) for _ in range(5)),
            *(store.events() for _ in range(5)),
            *(store.commit(RotateSession(session.id, 0, now, now + 10)) for _ in range(5)),
            store.commit(EndSession(session.id, now, "why", now + 10), AddEvent(Event(kind="a.b", at=now))),
            store.purge(now),
            return_exceptions=True,
        )
    return {type(outcome) for outcome in outcomes}


async def test_every_call_fails_soon_while_the_database_is_stopped(
    *, store: Store, own_postgresql: "PostgreSQLServer", session: Session, now: int
) -> None:
    """`Unavailable`, and not one false success; a moment later all is well again, on new connections."""
    await asyncio.gather(*(store.session(session.id) for _ in range(8)))
    await asyncio.to_thread(own_postgresql.stop)
    for _ in range(2):
        assert await failures(store, session, now) == {Unavailable}
    with pytest.raises(Unavailable, match="cannot open the database"):
        await open_store(own_postgresql.url("postgres"))
    await asyncio.to_thread(own_postgresql.start)
    assert await store.session(session.id) == session
    await store.commit(RotateSession(session.id, 0, now, now + 10))


async def test_every_call_fails_soon_while_the_database_hangs(
    *, store: Store, own_postgresql: "PostgreSQLServer", session: Session, now: int
) -> None:
    """Connections stand, new ones are even accepted, and nothing answers; whose fault that is nobody knows."""
    await asyncio.gather(*(store.session(session.id) for _ in range(8)))
    own_postgresql.freeze()
    try:
        for _ in range(2):
            assert await failures(store, session, now) == {Unavailable}
        with pytest.raises(Unavailable) as unanswered:
            await store.session(session.id)
        assert unanswered.value.hint is None
    finally:
        own_postgresql.thaw()
    found = await store.session(session.id)
    assert found is not None
    assert found.ended_at is None
    await store.commit(EndSession(session.id, now, "why", now + 10))


@pytest.mark.parametrize("host", ["any", "read-write"])
async def test_a_database_that_takes_no_writes_refuses_them(
    *, own_postgresql: "PostgreSQLServer", session: Session, now: int, host: str
) -> None:
    """And is read, unless the URL wants one that takes writes: then there is none."""
    name = own_postgresql.create_database()
    store = await open_store(own_postgresql.url(name) + f"&target_session_attrs={host}", connections=2)
    own_postgresql.run(
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608 -- our own
    )
    hints = set()
    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            await store.commit(AddEvent(Event(kind="a.b", at=now)))
        hints.add(str(refused.value.hint).partition(":")[0])  # none, where the connection was one of those before
    if host == "any":
        assert "It is a standby or set to read only" in hints
        assert await store.session(session.id) is None
    else:
        with pytest.raises(Unavailable, match="target attribute"):
            await store.session(session.id)
    own_postgresql.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    for _ in range(2):  # as many connections as may still be of those that cannot write
        await asyncio.gather(store.commit(AddEvent(Event(kind="a.b", at=now))), return_exceptions=True)
    await store.commit(AddEvent(Event(kind="c.d", at=now)))
    await store.close()


async def test_a_store_lets_go_of_a_database_that_hangs(
    *, store: Store, own_postgresql: "PostgreSQLServer", session: Session
) -> None:
    """A server that is told to stop does so."""
    own_postgresql.freeze()
    try:
        async with asyncio.timeout(SOON):
            waiting = asyncio.create_task(store.session(session.id))
            await asyncio.sleep(0)
            await store.close()
            with pytest.raises(Unavailable):
                await waiting
    finally:
        own_postgresql.thaw()
    with pytest.raises(Unavailable):
        await store.session(session.id)


async def test_whose_turn_it_is_has_a_deadline_of_its_own(
    own_postgresql: "PostgreSQLServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited long in a crowd is not turned away in the middle of its work, when the database is well."""
    patience = 0.5
    monkeypatch.setattr("jotary.server.store.postgres.driver.PATIENCE", patience)
    monkeypatch.setattr("jotary.server.store.postgres.driver.DEADLINE", 60.0)
    driver = await open_driver(own_postgresql.url("postgres"), connections=1)
    answer = await driver._with_connection(lambda _connection: asyncio.sleep(2 * patience, "its whole work"))
    await driver.close()
    assert answer == "its whole work"


async def test_a_cancelled_unit_leaves_no_transaction_behind(
    *, store: Store, own_postgresql: "PostgreSQLServer", session: Session, now: int
) -> None:
    """Its connection is given up, with all that it had locked."""
    unit: list[Change] = [AddEvent(Event(kind="a.b", at=now)), RotateSession(session.id, 0, now, now + 10)] * 50
    for delay in (0.0, 0.002, 0.004, 0.008):
        task = asyncio.create_task(store.commit(*unit))
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.commit(AddEvent(Event(kind="c.d", at=now)))
    assert [event.kind for event in await store.events()] == ["c.d"]
    assert await store.session(session.id) == session


async def test_a_connection_that_has_just_been_told_of_its_end_is_no_failure_of_ours(
    *, own_postgresql: "PostgreSQLServer", session: Session
) -> None:
    """Between PostgreSQL's last message and the end of the connection asyncpg calls any use of it an error of its own.

    Calls begin at every turn of the event loop from before that message to after the end.
    """
    database = own_postgresql.create_database()
    store = await open_store(own_postgresql.url(database), connections=8)

    async def look_up(turn: int) -> Session | None:
        for _ in range(turn):
            await asyncio.sleep(0)
        return await store.session(session.id)

    await asyncio.gather(*(look_up(0) for _ in range(8)))
    everybody = "FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
    own_postgresql.run(f"SELECT pg_terminate_backend(pid) {everybody}", database=database)
    outcomes = await asyncio.gather(*map(look_up, range(8)), return_exceptions=True)
    await store.close()
    assert {type(outcome) for outcome in outcomes} <= {Unavailable, type(None)}


async def test_why_a_connection_was_lost_is_said_as_the_database_says_it(own_postgresql: "PostgreSQLServer") -> None:
    """And not what asyncpg says of a connection that it has given up itself by then: an operator reads it."""
    driver = await open_driver(own_postgresql.url("postgres"), connections=2)
    end = "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(1)"

    async def lose(connection: "Connection") -> None:
        try:
            await connection.execute(end)
        except asyncpg.PostgresError:
            await asyncio.sleep(0.1)  # until the connection has ended
            raise

    with pytest.raises(Unavailable, match="terminating connection due to administrator command"):
        await driver._run(lose)
    await driver.close()
