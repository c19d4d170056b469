"""Files that are held in the system's memory, for what shall not measure the disk."""

import contextlib
import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_MAP_LOCKED: Final = 0x2000  # of Linux; Python has no name for it


@contextlib.contextmanager
def in_memory(files: Iterable[Path]) -> Iterator[None]:
    """Hold these files.

    Some systems take pages back that were not read for some seconds, however much memory is free. Read ahead, they
    come back in large pieces, each of which costs more to write a page of; so they are read as look-ups do.
    """
    with contextlib.ExitStack() as stack:
        for path in files:
            file = stack.enter_context(path.open("rb"))
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            while file.read(1 << 20):
                pass
            try:
                flags = mmap.MAP_SHARED | _MAP_LOCKED
                stack.enter_context(mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ))
            except OSError as reason:  # no right to lock so much
                print(f"\n{path} cannot be held in memory ({reason}): figures may hold reads from the disk")
        yield
