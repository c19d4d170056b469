"""A clock that stands still until it is set, and that several processes read: time passes as fast as a test can go."""

import mmap
import sys
import time
from pathlib import Path

_SIZE = 8  # bytes


class SharedClock:
    """Unix seconds, kept in a file.

    Args:
        file: is made, and set to the true time, if it is not there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            file.write_bytes(int(time.time()).to_bytes(_SIZE, sys.byteorder))
        with file.open("r+b") as opened:
            # Written in one move: `struct.pack_into` would write zeros first, and others could read them.
            self._cell = memoryview(mmap.mmap(opened.fileno(), _SIZE)).cast("q")

    def __call__(self) -> int:
        """Unix seconds."""
        return self._cell[0]

    def set(self, seconds: int) -> None:
        """Let every process read another time from now on."""
        self._cell[0] = seconds

    def advance(self, seconds: int) -> None:
        """Let time pass; backwards if negative."""
        self.set(self() + seconds)
