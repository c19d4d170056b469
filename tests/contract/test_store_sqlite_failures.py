"""A disk that is full, a file that is locked, a commit that fails: 503, nothing half-written, and it recovers."""

import asyncio
import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from jotary.server.model.changes import AddEvent, AddUser, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.ports import Conflict, Unavailable
from jotary.server.store import Store, open_store
from jotary.server.store.compiled import Statement
from jotary.server.store.driver import Step
from jotary.server.store.sqlite import writer
from jotary.server.store.sqlite.driver import READERS, SQLiteDriver

pytestmark = pytest.mark.anyio

Lock = Callable[[], AbstractContextManager[sqlite3.Connection]]


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    """A SQLite file with the schema."""
    return Path(shutil.copyfile(sqlite_template, tmp_path / "jotary.db"))


@pytest.fixture
async def driver(anyio_backend: str, path: Path) -> AsyncIterator[SQLiteDriver]:
    """A driver that waits for a lock for a twentieth of a second."""
    driver = SQLiteDriver(str(path), busy_timeout=0.05)
    yield driver
    await driver.close()


@pytest.fixture
def impatient(driver: SQLiteDriver) -> Store:
    """A store over `driver`."""
    return Store(driver)


@pytest.fixture
def lock(path: Path) -> Lock:
    """Hold the database's write lock, as another process would."""

    @contextlib.contextmanager
    def hold() -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("ROLLBACK")

    return hold


def event(size: int) -> AddEvent:
    """An event that takes about `size` bytes."""
    return AddEvent(Event(kind="disk.filled", at=0, detail={"fill": "x" * size}))


async def test_a_full_database_is_unavailable_and_recovers(
    impatient: Store, driver: SQLiteDriver, user: User, now: int
) -> None:
    """`Unavailable` and nothing half-written, when the file may not grow."""
    pages = Statement(sa.text("PRAGMA max_page_count = 60"), driver.dialect)
    await driver.write([Step(pages, (), None)])  # for this connection
    password = Password(user_id=user.id, hash="hash", changed_at=now)
    with pytest.raises(Unavailable, match="full"):
        await impatient.commit(AddUser(user), PutPassword(password), event(1_000_000))
    assert await impatient.user(user.id) is None
    assert await impatient.events() == []
    await impatient.commit(AddUser(user), PutPassword(password), event(1_000_000))  # the writer has a new connection
    assert await impatient.password(user.id) == password


_FULL_DISK = """
import asyncio, resource, sys
from jotary.server.model.changes import AddEvent
from jotary.server.model.event import Event
from jotary.server.ports import Unavailable
from jotary.server.store import open_store

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

async def main(url):
    store = await open_store(url)
    small = AddEvent(Event(kind="small", at=0))
    big = AddEvent(Event(kind="big", at=0, detail={"fill": "x" * 500_000}))
    await store.commit(small)
    limit(200_000)
    outcomes = await asyncio.gather(*(store.commit(small, big) for _ in range(5)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Unavailable}, outcomes
    assert [event.kind for event in await store.events()] == ["small"]
    limit(resource.RLIM_INFINITY)
    await store.commit(small, big)
    assert [event.kind for event in await store.events()] == ["small", "small", "big"]
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX's")
def test_a_write_that_the_system_refuses_is_unavailable_and_recovers(path: Path) -> None:
    """The write of the commit itself fails, as on a full disk; once there is room again, all goes on."""
    command = [sys.executable, "-c", _FULL_DISK, f"sqlite:///{path}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


async def test_a_lock_that_another_process_holds_is_unavailable_and_recovers(
    impatient: Store, user: User, lock: Lock
) -> None:
    """Reads go on meanwhile; every unit that waited is refused."""
    with lock():
        commits = [impatient.commit(AddUser(replace(user, id=name, email=name))) for name in ("a", "b", "c")]
        outcomes = await asyncio.gather(*commits, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
        assert await impatient.users() == []
        assert await impatient.user("a") is None
    await impatient.commit(AddUser(user))
    assert await impatient.users() == [user]


async def test_refused_callers_do_not_share_an_exception(impatient: Store, lock: Lock) -> None:
    """Each task adds its own traceback to what it raises."""
    with lock():
        first, second = await asyncio.gather(
            impatient.commit(event(1)), impatient.commit(event(1)), return_exceptions=True
        )
    assert isinstance(first, Unavailable)
    assert first is not second


async def test_a_full_queue_is_unavailable_at_once(
    impatient: Store, lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §9: under a load that the disk cannot take callers are refused, and memory does not grow."""
    monkeypatch.setattr(writer, "QUEUE_LIMIT", 5)
    with lock():
        tasks = [asyncio.create_task(impatient.commit(event(1))) for _ in range(20)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [outcome for outcome in outcomes if "waiting" in str(outcome)]
    assert {type(outcome) for outcome in outcomes} == {Unavailable}
    assert len(refused) in {14, 15}  # the writer may have taken one already
    await impatient.commit(event(1))


async def test_a_caller_cancelled_in_the_queue_is_not_written(path: Path, user: User, lock: Lock) -> None:
    """A commit that nobody waits for is left out when the writer has not come to it."""
    driver = SQLiteDriver(str(path))
    store = Store(driver)
    people = [replace(user, id=name, email=name) for name in ("first", "cancelled", "third")]
    with lock():
        first = asyncio.create_task(store.commit(AddUser(people[0])))
        await asyncio.sleep(0)
        while driver._writer._jobs:  # noqa: ASYNC110 -- the writer takes it, then waits for the lock
            await asyncio.sleep(0)
        others = [asyncio.create_task(store.commit(AddUser(person))) for person in people[1:]]
        await asyncio.sleep(0)
        others[0].cancel()
    await first
    await others[1]
    assert others[0].cancelled()
    assert [person.id for person in await store.users()] == ["first", "third"]
    await store.close()


async def test_a_faulty_statement_harms_only_its_own_unit(impatient: Store, driver: SQLiteDriver, user: User) -> None:
    """A mistake of ours in one unit must not refuse its neighbours in the group."""
    broken = Step(Statement(sa.text("SELECT ?"), driver.dialect), (object(),), None)
    outcomes = await asyncio.gather(
        driver.write([broken]), impatient.commit(AddUser(user)), driver.write([broken, broken]), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [sqlite3.ProgrammingError, type(None), sqlite3.ProgrammingError]
    assert await impatient.user(user.id) == user


async def test_a_closed_store_is_unavailable(path: Path, user: User) -> None:
    """Closing finishes what was accepted, refuses what comes later, and may be asked twice."""
    store = await open_store(f"sqlite:///{path}")
    accepted = asyncio.create_task(store.commit(AddUser(user)))
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    await accepted
    for late in (store.commit(AddUser(user)), store.user(user.id), store.users()):
        with pytest.raises(Unavailable, match="closed"):
            await late
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # the log is folded in
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [(user.id,)]


async def test_a_scan_under_way_is_finished_before_the_store_closes(driver: SQLiteDriver) -> None:
    """A connection must not be closed under a thread that reads with it."""
    count = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) SELECT x FROM n"
    scans = [asyncio.create_task(driver.scan(Statement(sa.text(count), driver.dialect), ())) for _ in range(4)]
    while len(driver._connections) == 1:  # noqa: ASYNC110 -- until a thread of the pool has begun to read
        await asyncio.sleep(0)
    await driver.close()
    assert [len(rows) for rows in await asyncio.gather(*scans)] == [300_000] * 4


async def test_scans_share_a_few_connections_that_cannot_write(driver: SQLiteDriver) -> None:
    """One for each thread that reads, for as long as the driver lives; there is one way to write."""
    for _ in range(20):
        await driver.scan(Statement(sa.text("SELECT 1"), driver.dialect), ())
    assert len(driver._connections) <= 1 + READERS
    with pytest.raises(Unavailable, match="readonly"):
        await driver.scan(Statement(sa.text("DELETE FROM users"), driver.dialect), ())


async def test_a_database_whose_tables_are_gone_is_unavailable(impatient: Store, path: Path, user: User) -> None:
    """A read or a write that SQLite refuses is 503 and no stack trace."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE passwords")
    password = Password(user_id=user.id, hash="hash", changed_at=0)
    for broken in (impatient.password(user.id), impatient.commit(AddUser(user), PutPassword(password))):
        with pytest.raises(Unavailable):
            await broken
    assert await impatient.user(user.id) is None


async def test_a_damaged_schema_that_is_no_text_is_unavailable(impatient: Store, path: Path, user: User) -> None:
    """SQLite's words quote it then, and Python raises that they cannot be decoded in their stead."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = CAST(x'435245FF' AS TEXT) WHERE name = 'passwords'")
        connection.execute("PRAGMA schema_version = 99")
    for broken in (impatient.password(user.id), impatient.users(), impatient.commit(AddUser(user))):
        with pytest.raises(Unavailable):
            await broken


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
@pytest.mark.parametrize("name", ["jotary.db", "jotary.db-wal"])
async def test_nothing_is_acknowledged_in_a_file_that_was_moved_away(
    impatient: Store, path: Path, user: User, name: str
) -> None:
    """SQLite would go on in it, and all would be gone with the process. Once it is back, writing goes on."""
    await impatient.commit(AddUser(user))
    file, elsewhere = path.with_name(name), path.with_name("elsewhere")
    file.rename(elsewhere)
    with pytest.raises(Unavailable, match=f"{name} was removed or replaced") as refused:
        await impatient.commit(event(1))
    assert "SIGTERM" in str(refused.value.hint)
    assert await impatient.user(user.id) == user
    elsewhere.rename(file)
    await impatient.commit(event(1))
    assert len(await impatient.events()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced there")
async def test_nothing_is_written_to_a_file_that_took_the_place_of_another(
    impatient: Store, driver: SQLiteDriver, path: Path, sqlite_template: Path, user: User
) -> None:
    """Neither to the old one, which is gone with the process, nor to the new one, which may be anything."""
    await impatient.commit(AddUser(user))
    shutil.copyfile(sqlite_template, path.with_name("another"))
    path.with_name("another").rename(path)
    await driver._writer._in_thread(driver._writer._drop_connection)  # as after any failure: it would open the new one
    with pytest.raises(Unavailable, match="replaced"):
        await impatient.commit(event(1))
    new, copied = await asyncio.gather(*map(asyncio.to_thread, (path.read_bytes, sqlite_template.read_bytes)))
    assert new == copied


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
async def test_what_a_removed_log_held_is_in_the_file_after_an_orderly_end(path: Path, user: User) -> None:
    """As the hint says: the log is open, whoever removed its name."""
    store = await open_store(f"sqlite:///{path}")
    await store.commit(AddUser(user))
    path.with_name("jotary.db-wal").unlink()
    with pytest.raises(Unavailable, match="removed"):
        await store.commit(event(1))
    await store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == [(user.id,)]


async def test_a_log_that_others_closed_stays_the_same(
    impatient: Store, driver: SQLiteDriver, path: Path, user: User
) -> None:
    """Who is last to close a database removes its log: not under a driver that is open, or it would refuse to write."""
    await driver._writer._in_thread(driver._writer._drop_connection)
    with contextlib.closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM users").fetchone() == (0,)
    await impatient.commit(AddUser(user))
    await driver._writer._in_thread(driver._writer._drop_connection)
    await impatient.commit(event(1))
    assert await impatient.user(user.id) == user


async def test_a_conflict_is_not_an_outage(impatient: Store, user: User) -> None:
    """The two must not be mixed up: one is gathered again, the other is 503."""
    await impatient.commit(AddUser(user))
    with pytest.raises(Conflict):
        await impatient.commit(AddUser(user))
