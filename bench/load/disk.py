"""The disk alone: how often a second what was written reaches it, one after the other."""

import os
import tempfile
import time

#: The party's name.
DISK = "a page and fdatasync, bare"

#: What one changed page adds to SQLite's write-ahead log: the page and a header (SQLite file format, §4.1).
_FRAME = bytes(4096 + 24)


def synced_writes(seconds: float) -> float:
    """Append a page to a file where the databases are, wait for the disk, and again: the least that a commit can do.

    Returns how many a second reach it.
    """
    count = 0
    with tempfile.TemporaryFile() as file:
        started = time.perf_counter()
        while (took := time.perf_counter() - started) < seconds:
            os.write(file.fileno(), _FRAME)
            os.fdatasync(file.fileno())
            count += 1
    return count / took
