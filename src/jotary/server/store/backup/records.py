"""What a backup says: a manifest, the rows of every table in batches, and at the end how many there were.

Each is a MessagePack value behind its length (4 bytes, big-endian), and all of them together are compressed.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from jotary.server.store.backup.error import BackupError

_LENGTH: Final = 4
_LEVEL: Final = 6


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Of what database a backup is, and how its rows lie.

    Attributes:
        jotary: the version that made it.
        revision: of the schema.
        issuer: of the server.
        made_at: the moment of the snapshot, Unix seconds.
        columns: of every table, in the order of the values in its rows.
    """

    jotary: str
    revision: str
    issuer: str
    made_at: int
    columns: dict[str, tuple[str, ...]]


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of a table."""

    table: str
    rows: list[tuple[Any, ...]]


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The last record: how many rows each table has."""

    counts: dict[str, int]


Record = Manifest | Batch | Contents


def encode(records: Iterable[Record]) -> Iterator[bytes]:
    """The compressed bytes of some records, piece by piece."""
    encoder, packer = msgspec.msgpack.Encoder(), zlib.compressobj(_LEVEL)
    for record in records:
        body = encoder.encode(record)
        yield packer.compress(len(body).to_bytes(_LENGTH, "big") + body)
    yield packer.flush()


class Decoder:
    """Reads records one by one from compressed pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._bodies = _bodies(pieces)

    def manifest(self) -> Manifest:
        """The first record.

        Raises:
            BackupError: it says something that this version does not read.
        """
        try:
            return msgspec.msgpack.decode(next(self._bodies, b""), type=Manifest)
        except msgspec.DecodeError:
            raise _unreadable() from None

    def rest(self) -> Iterator[Batch | Contents]:
        """All further records.

        Raises:
            BackupError: one of them is none that this version reads.
        """
        decoder = msgspec.msgpack.Decoder()
        for body in self._bodies:
            try:
                value = decoder.decode(body)
                is_end = isinstance(value, dict)
                record = msgspec.convert(value, Contents) if is_end else msgspec.convert(value, Batch)
            except msgspec.DecodeError:
                raise _unreadable() from None
            yield record


def _unreadable() -> BackupError:
    return BackupError("this version cannot read the backup", hint="Use the version that made it.")


def _bodies(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    pending = bytearray()
    for piece in pieces:
        try:
            pending += unpacker.decompress(piece)
        except zlib.error:
            raise _unreadable() from None
        yield from _complete(pending)
    pending += unpacker.flush()
    yield from _complete(pending)
    if unpacker.unused_data:
        raise BackupError("the backup goes on behind its end", hint="Take another copy.")
    if pending or not unpacker.eof:
        raise BackupError("the backup ends in the middle", hint="Take another copy.")


def _complete(pending: bytearray) -> Iterator[bytes]:
    """Take every record off the front that is there as a whole."""
    start = 0
    while len(pending) - start >= _LENGTH:
        end = start + _LENGTH + int.from_bytes(pending[start : start + _LENGTH], "big")
        if end > len(pending):
            break
        yield bytes(pending[start + _LENGTH : end])
        start = end
    del pending[:start]
