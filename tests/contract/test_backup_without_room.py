"""A disk that fills up in the middle of a backup or a restore: nothing half made is left, and no row is told."""

import contextlib
import os
import resource
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jotary.server.model.changes import AddEvent, PutPassword
from jotary.server.model.credential import Password
from jotary.server.model.event import Event
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import Store, open_store
from jotary.server.store.backends import backend
from jotary.server.store.backup import BackupError, BackupKey, Restoring, restore_backup, write_backup
from jotary.server.store.migrations import upgrade

pytestmark = pytest.mark.anyio

KEY = BackupKey(bytes(range(32)))
ISSUER = "https://id.example.com"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA"


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond this, as on a disk that is full: the system's own refusal (setrlimit(2))."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def in_thread(work: Callable[..., object], *arguments: object, **details: Any) -> None:
    """Where no event loop runs."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work, *arguments, **details).result()


def names(folder: Path) -> set[str]:
    """Of all files there."""
    return {path.name for path in folder.iterdir()}


@pytest.fixture
async def full(store: Store, user: User, now: int) -> Store:
    """A store whose backup takes more than a few pages."""
    await store.commit(PutPassword(Password(user_id=user.id, hash=HASH, changed_at=now)))
    for number in range(4):
        await store.commit(AddEvent(Event(kind="a.b", at=now, detail={str(number): secrets.token_hex(40_000)})))
    return store


@pytest.fixture
def write(database_url: str, tmp_path: Path, now: int) -> Callable[[], None]:
    """Back up the store."""
    details: dict[str, Any] = {"issuer": ISSUER, "version": "1", "now": now}
    return lambda: in_thread(write_backup, database_url, tmp_path / "b", KEY, salt=os.urandom(32), **details)


@pytest.fixture
def restore(tmp_path: Path, now: int) -> Callable[[str], None]:
    """Restore it."""
    how = Restoring(issuer=ISSUER, now=now + 60, cut_off_until=now + 600)
    return lambda url: in_thread(restore_backup, url, tmp_path / "b", KEY, how, lambda *_: None)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("size", [0, 100, 70_000])
async def test_a_backup_that_finds_no_room_leaves_nothing(write: Callable[[], None], tmp_path: Path, size: int) -> None:
    """At its first byte, in its header's block, and behind a whole chunk. It is not blamed on the database."""
    before = names(tmp_path)
    with room_for(size), pytest.raises(BackupError, match="File too large"):
        write()
    assert names(tmp_path) == before
    write()


@pytest.mark.usefixtures("full")
async def test_a_restore_that_finds_no_room_writes_nothing(
    write: Callable[[], None], restore: Callable[[str], None], tmp_path: Path, user: User
) -> None:
    """And may be tried again."""
    write()
    url = f"sqlite:///{tmp_path}/restored.db"
    in_thread(upgrade, url)
    with room_for(200_000), pytest.raises(Unavailable) as refused:
        restore(url)
    assert str(refused.value).count("\n") == 0
    restore(url)
    restored = await open_store(url)
    assert await restored.user(user.id) == user
    await restored.close()


REFUSE = {
    "sqlite": ["CREATE TRIGGER no_room BEFORE INSERT ON passwords BEGIN SELECT RAISE(ABORT, 'no room'); END"],
    "postgresql": [
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$",
        "CREATE TRIGGER no_room BEFORE INSERT ON passwords EXECUTE FUNCTION no_room()",
    ],
}


@pytest.mark.usefixtures("full")
async def test_a_row_that_the_database_does_not_take_is_not_told(
    write: Callable[[], None], restore: Callable[[str], None], new_database_url: str
) -> None:
    """SQLAlchemy says which statement failed, and with what: here the hash of a password."""
    write()
    await (await open_store(new_database_url)).close()

    def refuse(connection: sa.Connection) -> None:
        for statement in REFUSE[connection.dialect.name]:
            connection.exec_driver_sql(statement)

    in_thread(lambda: backend(new_database_url).change_schema(new_database_url, refuse))
    with pytest.raises(Unavailable, match="no room") as refused:
        restore(new_database_url)
    failure: BaseException | None = refused.value
    assert "\n" not in str(failure)
    while failure is not None:
        assert "argon2id" not in str(failure)
        failure = failure.__cause__
