"""How many files a process may have open: connections are files, too."""

import contextlib
import sys
from typing import Final

#: What is open beside connections: the database with its readers, listeners, logs, libraries; with room to spare.
OTHERS: Final = 200


def needed(limit_concurrency: int) -> int:
    """Open files of one process: twice the connections, as those beyond the limit are answered 503, not cut off."""
    return 2 * limit_concurrency + OTHERS


def allow(count: int) -> None:
    """Raise this process's own limit, as far as the system lets it. Service managers and shells often give 1024."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 -- not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return
    with contextlib.suppress(ValueError, OSError):  # macOS has a limit of the kernel beside the one that it names
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard)
        )
