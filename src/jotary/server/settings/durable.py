"""Files whose names survive power loss."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make a name that was just given in this folder last."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
