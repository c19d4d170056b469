"""Whether a database file is still where it was opened."""

import os
from typing import Final

from jotary.server.ports import Unavailable

_HINT: Final = (
    "Put it back as it was, and writing goes on. Otherwise stop every server with SIGTERM first, which folds the log "
    "into the file, and then restore a backup."
)


class Place:
    """The file and its log, as they were when they were opened.

    SQLite goes on in a file that somebody has removed or replaced, and what is acknowledged there is gone when the last
    process closes it (sqlite.org/howtocorrupt.html, "Unlinking or renaming a database file while in use").

    Args:
        path: of the database. A connection that is open and has read its schema, as a pragma does, keeps its log there.
    """

    def __init__(self, path: str) -> None:
        self._known = {name: identity for name in (path, f"{path}-wal") if (identity := _identity(name)) is not None}

    def check(self) -> None:
        """Look once more.

        Raises:
            Unavailable: the file or its log is not the one that is open.
        """
        for name, known in self._known.items():
            if _identity(name) != known:
                raise Unavailable(f"{name} was removed or replaced while it is in use", hint=_HINT)


def _identity(path: str) -> tuple[int, int] | None:
    """What the system knows a file by; None if it is not there."""
    try:
        found = os.stat(path)  # noqa: PTH116 -- at every write, and a Path costs as much again
    except OSError:
        return None
    return found.st_dev, found.st_ino
