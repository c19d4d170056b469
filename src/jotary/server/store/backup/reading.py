"""Reading a backup from its first byte to its last, and believing none of it before that."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jotary.server.store.backup.envelope import unseal
from jotary.server.store.backup.error import BackupError
from jotary.server.store.backup.key import BackupKey
from jotary.server.store.backup.records import Batch, Contents, Decoder, Manifest


class Reading:
    """One way through a backup. What `batches` yields is proved whole only when it ends."""

    def __init__(self, file: BinaryIO, key: BackupKey) -> None:
        self._decoder = Decoder(unseal(file, key))
        self.manifest: Manifest = self._decoder.manifest()

    def batches(self) -> Iterator[Batch]:
        """Every row.

        Raises:
            BackupError: the file is not as it was written.
        """
        counted: Counter[str] = Counter(dict.fromkeys(self.manifest.columns, 0))
        said: Contents | None = None
        for record in self._decoder.rest():
            if said is not None:
                raise BackupError("the backup goes on behind its end", hint="Take another copy.")
            if isinstance(record, Batch):
                counted[record.table] += len(record.rows)
                yield record
            else:
                said = record
        if said is None or said.counts != counted:
            raise BackupError("the backup does not hold the rows that it says", hint="Take another copy.")


@contextmanager
def open_backup(path: Path, key: BackupKey) -> Iterator[Reading]:
    """Open a backup and read its manifest.

    Raises:
        BackupError: it cannot be read, it is no backup, or another key sealed it.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}", hint="Name a file that `jotary backup` wrote.") from None
    with file:
        yield Reading(file, key)


def check_backup(path: Path, key: BackupKey) -> tuple[Manifest, Contents]:
    """Read all of a backup; what it is of, and how many rows it holds.

    Raises:
        BackupError: it cannot be read, or is not as it was written.
    """
    with open_backup(path, key) as reading:
        counts: Counter[str] = Counter(dict.fromkeys(reading.manifest.columns, 0))
        for batch in reading.batches():
            counts[batch.table] += len(batch.rows)
        return reading.manifest, Contents(counts=dict(counts))
