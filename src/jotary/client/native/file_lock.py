"""A lock between processes that the system takes back when its holder dies: an advisory lock on a file."""

import errno
import os
import sys
from pathlib import Path
from typing import Final

if sys.platform == "win32":  # pragma: no cover -- the other system
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


#: What the systems say where somebody else has it. Anything else, such as ENOLCK of a network's file system, will not
#: pass by waiting.
_HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})


class FileLock:
    """A lock that is held; see `try_lock_file`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let the next one have it; once is enough."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)  # the lock goes with its last descriptor


def try_lock_file(path: Path) -> FileLock | None:
    """Lock a file, which is made if need be and never removed; None while somebody else has it.

    Each call opens the file anew, so that two callers in one process exclude each other, too.

    Raises:
        OSError: the file cannot be opened, or not be locked where it lies.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # not inherited (PEP 446)
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in _HELD:
            raise
        return None
    return FileLock(descriptor)
