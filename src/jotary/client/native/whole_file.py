"""Files that are there whole or not at all, whatever ends the process or the power."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put a new file in the place of the old one, in one step, readable by its owner alone (mkstemp makes it 0600).

    Raises:
        OSError: it cannot be written; the old one is as it was.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut could leave an empty file under the new name
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last: after a power cut the old file would come back, with a refresh token that was traded."""
    if os.name != "posix":
        return
    with suppress(OSError):  # the file is there; not every file system can do this for a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
