"""The folder of this person for what is no secret: locks, and which login the command line uses."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from jotary.client.native.errors import StoreError


def state_folder(environment: Mapping[str, str] = os.environ, *, platform: str = sys.platform) -> Path:
    """Where the system keeps state of a person's programs; not made yet. `XDG_STATE_HOME` counts everywhere.

    A relative one does not: the XDG Base Directory Specification has it ignored, as it would differ from call to call.
    """
    chosen = Path(environment.get("XDG_STATE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "jotary"
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "jotary"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "jotary"
    return Path.home() / ".local" / "state" / "jotary"


def make_private(folder: Path) -> Path:
    """Make a folder that this person alone may enter, and return it.

    Raises:
        StoreError: it cannot be made, or is somebody else's.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise StoreError(
            f"the folder {folder} cannot be made ({error.strerror})", hint="Set XDG_STATE_HOME to one that can."
        ) from error
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise StoreError(
            f"the folder {folder} can be written by others", hint="Make it yours alone: chown, then chmod 700."
        )
    return folder
