"""A backup is one consistent moment of a database in use, sealed so that every change of the file is noticed."""

import asyncio
import errno
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jotary.jose import base64url
from jotary.server.model.changes import AddUser
from jotary.server.model.user import User
from jotary.server.ports import Unavailable
from jotary.server.store import Store
from jotary.server.store.backends import backend
from jotary.server.store.backup import BackupError, BackupKey, check_backup, create_key, read_key, write_backup
from jotary.server.store.backup import envelope as envelope_module
from jotary.server.store.backup import writing as writing_module
from jotary.server.store.backup.envelope import CHUNK, MAGIC, SALT_SIZE, seal, unseal
from jotary.server.store.schema import metadata

pytestmark = pytest.mark.anyio

KEY = BackupKey(bytes(range(32)))
SALT = bytes(SALT_SIZE)
HEADER = len(MAGIC) + 8 + SALT_SIZE
SEALED_CHUNK = CHUNK + 16

Write = Callable[..., object]


#: "golden" under `KEY` and `SALT`.
GOLDEN = bytes.fromhex(
    f"6a6f746172792d6261636b75700115d7fab41162b03d{SALT.hex()}0f165b164d99b9f87ee39368f96ab15f37e55ac7d5c8"
)


def sealed(plaintext: bytes, *, key: BackupKey = KEY, salt: bytes = SALT) -> bytes:
    """A file that holds this."""
    file = io.BytesIO()
    seal([plaintext], file, key, salt)
    return file.getvalue()


def opened(data: bytes, *, key: BackupKey = KEY) -> bytes:
    """What a file holds."""
    return b"".join(unseal(io.BytesIO(data), key))


def names(folder: Path) -> set[str]:
    """Of all files there."""
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def write(database_url: str, now: int) -> Write:
    """Back up the database of the test."""

    def write(path: Path, key: BackupKey = KEY) -> object:
        details: dict[str, Any] = {"issuer": "https://id.example.com", "version": "1", "now": now}
        with ThreadPoolExecutor(1) as thread:  # no event loop runs there
            return thread.submit(write_backup, database_url, path, key, salt=os.urandom(SALT_SIZE), **details).result()

    return write


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_is_sealed_is_opened(size: int) -> None:
    """At every edge of a chunk."""
    plaintext = os.urandom(size)
    assert opened(sealed(plaintext)) == plaintext


def test_backups_of_today_are_opened_by_every_later_release() -> None:
    """HKDF (RFC 5869) over salt and header, AES-256-GCM (NIST SP 800-38D): byte by byte."""
    assert sealed(b"golden") == GOLDEN
    assert opened(GOLDEN) == b"golden"


@pytest.mark.parametrize("size", [0, SALT_SIZE - 1, SALT_SIZE + 1])
def test_a_salt_has_one_size(size: int) -> None:
    """With another one the file's key would come from other bytes than the reader takes."""
    with pytest.raises(ValueError, match="32 bytes"):
        sealed(b"x", salt=bytes(size))


@given(st.data())
def test_a_changed_bit_is_noticed(data: st.DataObject) -> None:
    """Anywhere in the file, header included."""
    file = bytearray(sealed(b"x" * 100))
    bit = data.draw(st.integers(0, len(file) * 8 - 1))
    file[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BackupError):
        opened(bytes(file))


@pytest.mark.parametrize("size", [0, 10, HEADER, HEADER + SEALED_CHUNK, HEADER + 2 * SEALED_CHUNK, -1])
def test_a_file_that_was_cut_short_is_noticed(size: int) -> None:
    """Also behind a whole chunk: the last one says that it is the last (STREAM)."""
    with pytest.raises(BackupError):
        opened(sealed(bytes(3 * CHUNK))[:size])


def test_chunks_that_were_moved_repeated_or_added_are_noticed() -> None:
    """Each is sealed with its number."""
    file = sealed(os.urandom(3 * CHUNK))
    head, chunks = file[:HEADER], file[HEADER:]
    one, two, three = (chunks[at : at + SEALED_CHUNK] for at in range(0, len(chunks), SEALED_CHUNK))
    for wrong in ([two, one, three], [one, three], [one, one, two, three], [one, two, three, three], [three]):
        with pytest.raises(BackupError, match="not as it was written"):
            opened(head + b"".join(wrong))


def test_a_chunk_of_another_backup_is_noticed() -> None:
    """Each file has a key of its own."""
    mine, other = sealed(b"mine"), sealed(b"other", salt=b"\1" * SALT_SIZE)
    with pytest.raises(BackupError, match="not as it was written"):
        opened(mine[:HEADER] + other[HEADER:])


def test_another_key_a_newer_format_and_no_backup_are_told_apart() -> None:
    """Three mistakes with three mends."""
    file = sealed(b"x")
    with pytest.raises(BackupError, match="another key"):
        opened(file, key=BackupKey(bytes(32)))
    with pytest.raises(BackupError, match="newer version"):
        opened(file.replace(MAGIC, MAGIC[:-1] + b"\2"))
    with pytest.raises(BackupError, match="no backup"):
        opened(b"SQLite format 3\0" + bytes(100))
    with pytest.raises(BackupError, match="no backup"):
        opened(file[: HEADER - 1])


def test_a_key_file_is_private_never_overwritten_and_read_back(tmp_path: Path) -> None:
    """Losing it loses the backups."""
    path = tmp_path / "backup.key"
    key = create_key(path, bytes(range(32)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path).id == key.id == KEY.id
    with pytest.raises(BackupError, match="exists"):
        create_key(path, bytes(32))
    short, bare = f"jotary-backup-key-{base64url.encode(bytes(16))}", base64url.encode(bytes(32))
    for text in ("", "jotary-backup-key-short", short, bare, "AAAA", "\udcff"):  # the bare one may be a server's secret
        path.write_text(text, errors="surrogateescape")
        with pytest.raises(BackupError, match="no key"):
            read_key(path)


def test_a_key_that_the_disk_does_not_take_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a key file would stand in the way of the next attempt, and hold no key."""
    path = tmp_path / "backup.key"

    def fsync(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", fsync)
        with pytest.raises(BackupError, match=os.strerror(errno.ENOSPC)):
            create_key(path, bytes(32))
    assert names(tmp_path) == set()
    assert create_key(path, bytes(range(32))).id == KEY.id


async def test_a_backup_holds_every_row_and_no_plaintext(store: Store, write: Write, tmp_path: Path) -> None:
    """Of every table, and it is private to its owner."""
    write(tmp_path / "b")
    manifest, contents = check_backup(tmp_path / "b", KEY)
    assert set(manifest.columns) == set(contents.counts) == set(metadata.tables)
    assert {name: count for name, count in contents.counts.items() if count} == {
        "users": 1,
        "clients": 1,
        "sign_ins": 1,
    }
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    assert b"Ada" not in (tmp_path / "b").read_bytes()
    assert [name for name in names(tmp_path) if name.startswith(".")] == []


async def test_a_backup_sees_one_moment(store: Store, user: User, database_url: str) -> None:
    """What is committed while it is read belongs to the next one, and the writer does not wait for it."""
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def read(connection: sa.Connection) -> None:
        people = metadata.tables["users"].select()
        seen.append(len(connection.execute(people).all()))
        other = replace(user, id="user-2", email="b@example.com")
        asyncio.run_coroutine_threadsafe(store.commit(AddUser(other)), loop).result()
        seen.append(len(connection.execute(people).all()))

    await asyncio.to_thread(backend(database_url).read_snapshot, database_url, read)
    assert seen == [1, 1]
    assert await store.user("user-2") is not None


async def test_a_backup_is_never_written_over_a_file(store: Store, write: Write, tmp_path: Path) -> None:
    """Least of all over the last good one."""
    (tmp_path / "b").write_text("mine")
    with pytest.raises(BackupError, match="there already"):
        write(tmp_path / "b")
    assert (tmp_path / "b").read_text() == "mine"


def no_links(_source: Path, _target: Path) -> None:
    """As on FAT, and on some network shares."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("link", [os.link, no_links])
async def test_a_file_that_appears_meanwhile_is_not_overwritten(
    store: Store, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: Callable[..., None]
) -> None:
    """Two backups that were given one name: the first keeps it, and the second says so and leaves nothing else."""
    before = names(tmp_path)
    check = check_backup

    def appear(draft: Path, key: BackupKey) -> object:
        (tmp_path / "b").write_text("mine")
        return check(draft, key)

    monkeypatch.setattr(writing_module, "check_backup", appear)
    monkeypatch.setattr(os, "link", link)
    with pytest.raises(BackupError, match="there already"):
        write(tmp_path / "b")
    assert names(tmp_path) == before | {"b"}
    assert (tmp_path / "b").read_text() == "mine"


async def test_a_backup_needs_no_links(
    store: Store, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that has none it is one file all the same, private and whole."""
    before = names(tmp_path)
    monkeypatch.setattr(os, "link", no_links)
    write(tmp_path / "b")
    assert names(tmp_path) == before | {"b"}
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    check_backup(tmp_path / "b", KEY)


async def test_a_backup_that_fails_leaves_no_file(
    store: Store, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its name only when it was read back whole."""
    before = names(tmp_path)
    monkeypatch.setattr(envelope_module, "_nonce", lambda number, *, is_last: os.urandom(12))  # noqa: ARG005 -- a bad disk
    with pytest.raises(BackupError, match="not as it was written"):
        write(tmp_path / "b")
    assert names(tmp_path) == before


def test_no_database_is_made_by_backing_it_up(new_database_url: str, tmp_path: Path, now: int) -> None:
    """A mistyped path must not become an empty database and an empty backup."""
    with pytest.raises(BackupError, match="no schema"):
        write_backup(new_database_url, tmp_path / "b", KEY, issuer="i", version="1", now=now, salt=SALT)
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_made_by_reading_it(tmp_path: Path) -> None:
    """SQLite would make one by itself."""
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(Unavailable):
        backend(url).read_snapshot(url, lambda _: None)
    assert list(tmp_path.iterdir()) == []
