"""What a service manager is told: that the server is ready, and that it begins to stop (sd_notify(3))."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

#: Names the service manager's socket: a path, or with a leading "@" an abstract name.
NOTIFY_SOCKET: Final = "NOTIFY_SOCKET"

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def tell_service_manager(state: str, environ: Mapping[str, str]) -> None:
    """Say `READY` or `STOPPING` where somebody listens. Nobody does, outside of a service manager.

    A service manager that does not answer keeps no server from running.
    """
    address = environ.get(NOTIFY_SOCKET, "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect(address)
        manager.send(state.encode())
