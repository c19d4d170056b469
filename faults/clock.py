"""A clock that stands still until it is set, and that several processes read: time passes as fast as a test can go."""

import mmap
import struct
import time
from pathlib import Path

_SECONDS = struct.Struct("q")


class SharedClock:
    """Unix seconds, kept in a file.

    Args:
        file: is made, and set to the true time, if it is not there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            file.write_bytes(_SECONDS.pack(int(time.time())))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _SECONDS.size)

    def __call__(self) -> int:
        """Unix seconds."""
        (seconds,) = _SECONDS.unpack_from(self._memory)
        return int(seconds)

    def set(self, seconds: int) -> None:
        """Let every process read another time from now on."""
        _SECONDS.pack_into(self._memory, 0, seconds)

    def advance(self, seconds: int) -> None:
        """Let time pass; backwards if negative."""
        self.set(self() + seconds)
