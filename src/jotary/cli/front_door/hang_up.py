"""Whether a client is still there, asked of the operating system.

An event loop hears that a client has hung up when it reads past what that one has sent. A process that stood still
finds both in its sockets, the request and the end, and would begin with the request.
"""

import select
from typing import Final

#: The other side sends nothing more (poll(2)). Linux alone tells; elsewhere everybody counts as there.
_HANG_UP: Final[int] = getattr(select, "POLLRDHUP", 0)


def has_hung_up(socket: int) -> bool:
    """Whether the client has closed its side, or the connection has failed.

    Args:
        socket: the file descriptor of the connection.
    """
    if not _HANG_UP:
        return False
    poll = select.poll()
    poll.register(socket, _HANG_UP)
    return bool(poll.poll(0))
