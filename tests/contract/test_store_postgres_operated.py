"""PostgreSQL as its operators have it: roles with settings of their own, other schemas, encodings, poolers, locks."""

import asyncio
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from jotary.server.model.changes import AddUser
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import open_store
from jotary.server.store.migrations import HEAD, check, current, upgrade
from jotary.server.store.postgres import change_schema, open_driver, read_snapshot, schema_change
from jotary.server.store.postgres.connection import connect
from jotary.server.store.postgres.inspection import inspect

if TYPE_CHECKING:
    from faults.postgresql import PostgreSQLServer

#: Of a role for servers behind a pooler, and of one that somebody meant well with.
_OF_THE_ROLE = (
    "statement_timeout = '1ms'",
    "lock_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "synchronous_commit = off",
    "default_transaction_isolation = serializable",
    "default_transaction_deferrable = on",
    "client_encoding = latin1",
    "timezone = 'Pacific/Kiritimati'",
    "datestyle = 'SQL, DMY'",
    "bytea_output = escape",
    "transaction_timeout = '1s'",
)


def hint_of(error: BaseException) -> str:
    """What is to be done about it."""
    return str(vars(error)["hint"])


@pytest.fixture
def empty(postgresql: "PostgreSQLServer") -> str:
    """The name of a database in which there is nothing."""
    return postgresql.create_database()


@pytest.fixture
def strict(postgresql: "PostgreSQLServer", empty: str) -> str:
    """The URL of that database, for an owner with settings of its own."""
    role = f"owner_of_{empty}"
    postgresql.run(
        f"CREATE ROLE {role} LOGIN",
        *(f"ALTER ROLE {role} SET {setting}" for setting in _OF_THE_ROLE),
        f"ALTER DATABASE {empty} OWNER TO {role}",
    )
    return postgresql.url(empty, user=role)


@pytest.fixture
def stranger(postgresql: "PostgreSQLServer", empty: str) -> str:
    """The URL of that database, for a role that may do nothing but connect."""
    postgresql.run(f"CREATE ROLE stranger_in_{empty} LOGIN")
    return postgresql.url(empty, user=f"stranger_in_{empty}")


def test_an_upgrade_and_a_backup_take_as_long_as_they_take(strict: str) -> None:
    """Whatever the role was told: docs/postgresql.md has its statements bounded where a pooler is between."""
    upgrade(strict)
    seen: list[Any] = []

    def read(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT pg_sleep(1.2)")
        seen.append(connection.exec_driver_sql("SHOW transaction_isolation").scalar())

    read_snapshot(strict, read)
    assert seen == ["repeatable read"]
    assert check(strict)


@pytest.mark.anyio
async def test_a_server_s_connections_are_as_it_needs_them(strict: str, user: User) -> None:
    """What they are told as they open wins; and every name is stored and read whatever the role says."""
    store = await open_store(strict)
    person = replace(user, name="Zoë Łukasz 日本")
    await store.commit(AddUser(person))
    assert await store.user(user.id) == person
    await store.close()
    driver = await open_driver(strict, connections=1)
    shown = {
        name: await driver._pool.fetchval(f"SHOW {name}")
        for name in (
            "application_name",
            "synchronous_commit",
            "default_transaction_isolation",
            "statement_timeout",
            "lock_timeout",
            "idle_in_transaction_session_timeout",
        )
    }
    await driver.close()
    assert shown == {
        "application_name": "jotary",
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
        "statement_timeout": "1s",
        "lock_timeout": "300ms",
        "idle_in_transaction_session_timeout": "2s",
    }


def test_another_schema_than_public(postgresql: "PostgreSQLServer", empty: str) -> None:
    """The first one of `search_path` has all of it; one that is not there is named in the hint."""
    postgresql.run(f"ALTER DATABASE {empty} SET search_path = accounts")
    url = postgresql.url(empty)
    with pytest.raises(Unavailable, match="no schema has been selected") as missing:
        upgrade(url)
    assert "search_path" in hint_of(missing.value)
    postgresql.run("CREATE SCHEMA accounts", database=empty)
    upgrade(url)
    assert current(url) == HEAD
    found = postgresql.run(
        "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('users', 'alembic_version')", database=empty
    )
    assert found == "accounts"


def test_an_inspection_looks_at_the_schema_that_is_used(
    postgresql: "PostgreSQLServer", empty: str, stranger: str
) -> None:
    """And counts the connections of everybody, which a role of few rights cannot read one by one."""
    postgresql.run(
        f"ALTER DATABASE {empty} SET search_path = accounts",
        "CREATE SCHEMA accounts",
        "CREATE TABLE accounts.theirs (x int)",
        "CREATE TABLE public.elsewhere (x int)",
        "GRANT USAGE ON SCHEMA accounts TO public",
        database=empty,
    )

    async def beside() -> int:
        connections = [await connect(postgresql.url(empty)) for _ in range(3)]
        found = await asyncio.to_thread(inspect, stranger, lambda: 0.0)
        for connection in connections:
            await connection.close()
        assert found.closed == ("theirs",)
        return found.in_use

    assert asyncio.run(beside()) >= 4


@pytest.mark.anyio
async def test_a_database_that_takes_bytes_as_they_are_holds_every_name(
    postgresql: "PostgreSQLServer", user: User
) -> None:
    """SQL_ASCII: all that jotary sends is UTF-8, and comes back as it was."""
    name = f"{postgresql.create_database()}_ascii"
    postgresql.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    store = await open_store(postgresql.url(name))
    person = replace(user, name="Zoë Łukasz 日本")
    await store.commit(AddUser(person))
    assert await store.user(user.id) == person
    await store.close()


def test_a_database_that_cannot_hold_every_name_is_not_begun_with(postgresql: "PostgreSQLServer") -> None:
    """The first person whose name it cannot hold would meet a failure of the server."""
    name = f"{postgresql.create_database()}_latin1"
    postgresql.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(Unavailable, match="its encoding is LATIN1") as refused:
        upgrade(postgresql.url(name))
    assert "ENCODING 'UTF8'" in hint_of(refused.value)
    assert current(postgresql.url(name)) is None


@pytest.mark.parametrize(
    "url", ["postgresql://app:hunter2/x@127.0.0.1:1/jotary", "postgresql://app:[hunter2@127.0.0.1/j"]
)
def test_a_password_that_was_not_encoded_is_in_no_traceback(url: str) -> None:
    """Python's own words about a port that is no number hold it."""
    with pytest.raises(Unavailable, match="cannot be read") as refused:
        current(url)
    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def table_names(url: str) -> list[str]:
    """The tables that there are."""
    names: list[str] = []
    change_schema(url, lambda connection: names.extend(sa.inspect(connection).get_table_names()))
    return names


@pytest.mark.parametrize("end", ["SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"])
def test_a_connection_that_is_lost_in_the_middle_of_an_upgrade_leaves_nothing(
    postgresql: "PostgreSQLServer", empty: str, end: str
) -> None:
    """While it works, or just before its commit: one line, and the next one begins anew."""

    def break_off(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x int)")
        number = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        if end == "SELECT 1":
            postgresql.run(f"SELECT pg_terminate_backend({number}, 10000)")
        else:
            connection.exec_driver_sql(end)

    url = postgresql.url(empty)
    with pytest.raises(Unavailable, match="cannot open the database") as lost:
        change_schema(url, break_off)
    assert lost.value.hint is None
    assert table_names(url) == []
    upgrade(url)


def test_of_two_upgrades_at_once_the_second_waits(postgresql: "PostgreSQLServer", empty: str) -> None:
    """And finds nothing to do: who changes the schema holds a lock that every process takes."""
    url = postgresql.url(empty)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:

        def beside(connection: sa.Connection) -> None:
            second = pool.submit(upgrade, url)
            seconds.append(second)
            while not int(postgresql.run(waiting)):
                assert not second.done()
            connection.exec_driver_sql("CREATE TABLE first (x int)")

        seconds: list[Any] = []
        change_schema(url, beside)
        assert seconds[0].result() is None
    assert {"first", "users"} <= {*table_names(url)}


def test_who_waits_for_an_upgrade_in_vain_is_told_what_for(
    postgresql: "PostgreSQLServer", empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs with the lock in its hand, or another program that holds a table."""
    monkeypatch.setattr(schema_change, "_LOCK_SECONDS", 0.1)
    url = postgresql.url(empty)
    refusals: list[BaseException] = []
    with ThreadPoolExecutor(1) as pool:

        def hold(_connection: sa.Connection) -> None:
            with pytest.raises(Unavailable, match="lock timeout") as refused:
                pool.submit(upgrade, url).result(timeout=30)
            refusals.append(refused.value)

        change_schema(url, hold)
    assert "Another process changes the schema" in hint_of(refusals[0])


def test_a_backup_sees_one_moment_and_writes_nothing(postgresql: "PostgreSQLServer", empty: str) -> None:
    """However long it takes; what is committed meanwhile is in the next one."""
    url = postgresql.url(empty)
    postgresql.run("CREATE TABLE t (x int)", database=empty)
    counts: list[Any] = []

    def read(connection: sa.Connection) -> None:
        counts.append(connection.exec_driver_sql("SELECT count(*) FROM t").scalar())
        postgresql.run("INSERT INTO t VALUES (1)", database=empty)
        counts.append(connection.exec_driver_sql("SELECT count(*) FROM t").scalar())
        connection.exec_driver_sql("INSERT INTO t VALUES (2)")

    with pytest.raises(Unavailable, match="cannot execute INSERT in a read-only transaction"):
        read_snapshot(url, read)
    assert counts == [0, 0]


def test_a_backup_by_a_role_without_rights_says_which(
    postgresql: "PostgreSQLServer", empty: str, stranger: str
) -> None:
    """In PostgreSQL's own words, and with what to do."""
    postgresql.run("CREATE TABLE t (x int)", database=empty)

    def read(connection: sa.Connection) -> None:
        connection.exec_driver_sql("TABLE t")

    with pytest.raises(Unavailable, match=r": permission denied for table t$") as refused:
        read_snapshot(stranger, read)
    assert "GRANT SELECT" in hint_of(refused.value)


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def somebody(answer: Answer) -> AsyncIterator[str]:
    """The URL of whoever is at the database's address, and answers what is sent first like that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(4))
        await reader.readexactly(size - 4)
        await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"postgresql://app@127.0.0.1:{server.sockets[0].getsockname()[1]}/jotary?sslmode=disable"


async def be_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Until the other end leaves."""
    await reader.read()


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As a load balancer that has nobody behind it."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [(be_silent, "no answer in time", "a firewall"), (reset, "connection was closed", None)],
)
async def test_somebody_who_is_no_postgresql(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, message: str, hint: str | None
) -> None:
    """Who waits does so for a while; where nothing is known but that it broke off, nothing is made up."""
    monkeypatch.setattr("jotary.server.store.postgres.connection._CONNECT_SECONDS", 0.5)
    async with somebody(answer) as url:
        with pytest.raises(Unavailable, match=message) as refused:
            await asyncio.to_thread(current, url)
    assert refused.value.hint is None if hint is None else hint in hint_of(refused.value)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("08P01", "unsupported startup parameter: synchronous_commit", "pooler"),
        ("08P01", "query_wait_timeout", None),
        ("26000", 'prepared statement "__asyncpg_stmt_1__" does not exist', "pooler"),
        ("42P05", 'prepared statement "__asyncpg_stmt_1__" already exists', "pooler"),
        ("57P03", "the database system is starting up", "try again"),
        ("53300", "sorry, too many clients already", "max_connections"),
        ("28000", 'no pg_hba.conf entry for host "10.0.0.7", user "app", database "jotary"', "Let pg_hba.conf"),
        ("28000", 'role "app" is not permitted to log in', "Mend the user"),
        ("42501", 'permission denied for database "jotary"', "GRANT CONNECT"),
        ("25006", "cannot execute INSERT in a read-only transaction", "standby"),
    ],
)
async def test_a_refusal_has_what_to_do(code: str, message: str, hint: str | None) -> None:
    """Each of PostgreSQL's, or of a pooler's, that an operator meets (its manual, "Message Formats")."""

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fields = b"".join(f"{field}\0".encode() for field in ("SFATAL", f"C{code}", f"M{message}", ""))
        writer.write(b"E" + (len(fields) + 4).to_bytes(4) + fields)
        await writer.drain()

    async with somebody(refuse) as url:
        with pytest.raises(Unavailable) as refused:
            await open_driver(url, connections=1)
    assert str(refused.value).endswith(f": {message}")
    assert refused.value.hint is None if hint is None else hint in hint_of(refused.value)
