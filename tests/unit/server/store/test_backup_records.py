"""What a backup says of itself must fit what is in it, though whoever wrote it had the key."""

import io
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from jotary.server.store.backup import (
    BackupError,
    BackupKey,
    Contents,
    Manifest,
    Restoring,
    check_backup,
    read_key,
    restore_backup,
)
from jotary.server.store.backup.envelope import SALT_SIZE, seal
from jotary.server.store.backup.records import Batch, Decoder, Record, encode
from jotary.server.store.migrations import HEAD

KEY = BackupKey(bytes(range(32)))
MANIFEST = Manifest(jotary="1", revision="0001", issuer="https://id.example", made_at=1, columns={"users": ("id",)})
ROWS = Batch("users", [("ada",), ("bob",)])
END = Contents(counts={"users": 2})

Check = Callable[[Iterable[bytes]], tuple[Manifest, Contents]]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Read a whole backup with this inside."""

    def check(pieces: Iterable[bytes]) -> tuple[Manifest, Contents]:
        file = io.BytesIO()
        seal(pieces, file, KEY, bytes(SALT_SIZE))
        (tmp_path / "b").write_bytes(file.getvalue())
        return check_backup(tmp_path / "b", KEY)

    return check


def test_a_backup_that_fits_is_believed(check: Check) -> None:
    """The counts are those of the rows that were read."""
    assert check(encode([MANIFEST, ROWS, END])) == (MANIFEST, END)


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([MANIFEST, ROWS], "does not hold the rows that it says"),
        ([MANIFEST, END], "does not hold the rows that it says"),
        ([MANIFEST, ROWS, ROWS, END], "does not hold the rows that it says"),
        ([MANIFEST, ROWS, Contents(counts={})], "does not hold the rows that it says"),
        ([MANIFEST, ROWS, END, ROWS], "goes on behind its end"),
        ([MANIFEST, ROWS, END, END], "goes on behind its end"),
        ([ROWS, END], "cannot read"),
        ([], "cannot read"),
    ],
)
def test_a_backup_that_does_not_fit_is_not_believed(check: Check, records: list[Record], problem: str) -> None:
    """A restore would otherwise bring back less than there was, and say that it is all."""
    with pytest.raises(BackupError, match=problem):
        check(encode(records))


@pytest.mark.parametrize("gone", [1, 5])
def test_compressed_data_that_stops_is_noticed(check: Check, gone: int) -> None:
    """The disk of whoever wrote it was full."""
    with pytest.raises(BackupError, match="ends in the middle"):
        check([b"".join(encode([MANIFEST, ROWS, END]))[:-gone]])


def test_what_stands_behind_the_compressed_data_is_noticed(check: Check) -> None:
    """It would be read by nobody."""
    with pytest.raises(BackupError, match="goes on behind its end"):
        check([*encode([MANIFEST, ROWS, END]), b"more"])


@pytest.mark.parametrize("record", [b"\xc1", b"\x01", b"\x92\x01\x90", b"\x81\xa6counts\x01"])
def test_a_record_of_another_kind_is_refused(check: Check, record: bytes) -> None:
    """Of a version that is to come, say; no internal error."""
    whole = zlib.decompress(b"".join(encode([MANIFEST, ROWS])))
    with pytest.raises(BackupError, match="cannot read"):
        check([zlib.compress(whole + len(record).to_bytes(4, "big") + record)])


def test_rows_that_lie_otherwise_are_not_guessed_into_columns(check: Check, tmp_path: Path) -> None:
    """Also where the revision is the same, as of a build in between; nothing is touched."""
    check(encode([replace(MANIFEST, revision=HEAD), ROWS, END]))
    how = Restoring(issuer=MANIFEST.issuer, now=2, cut_off_until=3)
    with pytest.raises(BackupError, match="has the schema"):
        restore_backup(f"sqlite:///{tmp_path}/new.db", tmp_path / "b", KEY, how, lambda *_: None)
    assert not (tmp_path / "new.db").exists()


def test_what_is_not_compressed_is_refused(check: Check) -> None:
    """The same."""
    with pytest.raises(BackupError, match="cannot read"):
        check([b"no zlib"])


def test_a_record_that_stops_is_noticed(check: Check) -> None:
    """Its length says more than there is."""
    whole = zlib.decompress(b"".join(encode([MANIFEST, ROWS, END])))
    with pytest.raises(BackupError, match="ends in the middle"):
        check([zlib.compress(whole + (99).to_bytes(4, "big") + b"short")])


@given(st.integers(1, 60))
def test_records_may_be_cut_anywhere_into_pieces(size: int) -> None:
    """As the file is read: neither a length nor a record need be in one of them."""
    data = b"".join(encode([MANIFEST, ROWS, END]))
    decoder = Decoder(data[start : start + size] for start in range(0, len(data), size))
    assert [decoder.manifest(), *decoder.rest()] == [MANIFEST, ROWS, END]


def test_a_key_that_is_not_there_is_said_with_what_makes_one(tmp_path: Path) -> None:
    """`jotary backup --new-key`."""
    with pytest.raises(BackupError, match="No such file") as refused:
        read_key(tmp_path / "none")
    assert "--new-key" in refused.value.hint
