"""What jotary asks of PostgreSQL: durability that nobody can talk it out of, and as few rights as will do."""

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import AddEvent, AddUser, DeleteUser, EndSessionsOfUser, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import open_store
from jotary.server.store.migrations import HEAD, check, current, upgrade
from jotary.server.store.postgres import open_driver

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer

pytestmark = pytest.mark.anyio

EXPECTED = {"synchronous_commit": "on", "transaction_isolation": "read committed"}


@pytest.fixture
def new_database(postgresql: "PostgreSQLServer") -> str:
    """The name of a database in which there is nothing, and which no other test has."""
    return postgresql.create_database()


async def settings_in_force(url: str) -> dict[str, str]:
    """What the database says is in force on a connection of the driver."""
    driver = await open_driver(url, connections=1)
    rows = {name: await driver._pool.fetchval(f"SHOW {name}") for name in EXPECTED}
    await driver.close()
    return rows


async def test_a_commit_waits_for_the_disk_whatever_the_database_is_set_to(
    postgresql: "PostgreSQLServer", new_database: str
) -> None:
    """PostgreSQL's `synchronous_commit = off` would acknowledge what a crash takes back: neither role nor URL may."""
    for setting in ("synchronous_commit = off", "default_transaction_isolation = serializable"):
        postgresql.run(f"ALTER DATABASE {new_database} SET {setting}")
    url = postgresql.url(new_database)
    assert await settings_in_force(url) == EXPECTED
    assert await settings_in_force(f"{url}&synchronous_commit=off") == EXPECTED


async def test_a_server_needs_no_right_to_change_the_schema(
    postgresql: "PostgreSQLServer", new_database: str, user: User, now: int
) -> None:
    """Least privilege: whoever owns the tables upgrades them, the server reads and writes rows."""
    await asyncio.to_thread(upgrade, postgresql.url(new_database))
    postgresql.run(
        "CREATE ROLE least LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO least",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO least",
        database=new_database,
    )
    store = await open_store(postgresql.url(new_database, user="least"))
    await store.commit(AddUser(user), PutPassword(Password(user_id=user.id, hash="hash", changed_at=now)))
    await store.commit(EndSessionsOfUser(user.id, now, "why", now + 300), AddEvent(Event(kind="a.b", at=now)))
    assert [len(found) for found in (await store.revocations(now=now), await store.events())] == [1, 1]
    await store.commit(DeleteUser(user.id))
    assert await store.purge(now + 301 + 3600) == 1
    await store.close()


async def test_a_schema_that_may_not_be_made_is_said_in_one_line(
    postgresql: "PostgreSQLServer", new_database: str
) -> None:
    """A role without the right to make tables: the operator learns which right, and nothing is half made."""
    postgresql.run("CREATE ROLE guest LOGIN")
    url = postgresql.url(new_database, user="guest")
    with pytest.raises(Unavailable, match="permission denied for schema public") as refusal:
        await open_store(url)
    assert "\n" not in str(refusal.value)
    assert not await asyncio.to_thread(check, url)


async def test_a_refused_password_is_not_told(postgresql: "PostgreSQLServer") -> None:
    """The message goes to logs and to the console."""
    url = postgresql.url("missing").replace("postgres@", "postgres:hunter2@")
    with pytest.raises(Unavailable, match='database "missing" does not exist') as refusal:
        await open_store(url)
    assert "hunter2" not in str(refusal.value)


async def test_both_schemes_name_the_same_database(postgresql: "PostgreSQLServer", postgresql_url: str) -> None:
    """`postgres://` is what many hosts hand out."""
    assert await asyncio.to_thread(current, postgresql_url.replace("postgresql://", "postgres://")) == HEAD
    store = await open_store(postgresql_url.replace("postgresql://", "postgres://"))
    assert await store.events() == []
    await store.close()


async def test_people_are_listed_in_the_order_of_code_points(postgresql_url: str, user: User) -> None:
    """As on SQLite: no language of the system's decides what comes next, and no update of it breaks an index."""
    store = await open_store(postgresql_url)
    ids = ["a", "B", "á", "Z", "\U0001f511", "-b"]
    await store.commit(*(AddUser(replace(user, id=each, email=each)) for each in ids))
    assert [each.id for each in await store.users()] == sorted(ids)
    await store.close()


def test_every_text_is_in_the_order_of_code_points(postgresql: "PostgreSQLServer", postgresql_template: str) -> None:
    """In every table that the migrations make."""
    others = postgresql.run(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version'",
        database=postgresql_template,
    )
    assert others == ""
