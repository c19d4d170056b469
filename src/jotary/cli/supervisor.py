"""The process that starts the workers of `jotary serve`, and starts others in the place of those that end."""

import signal
import sys
from multiprocessing import resource_tracker
from socket import socket

import uvicorn
from uvicorn.supervisors import Multiprocess


class Supervisor(Multiprocess):
    """uvicorn's, whose workers hear of Ctrl-C when they can stop for it, and not in the middle of an import.

    A terminal tells all of its processes. Workers begin with what is blocked here, and `worker.py` lets it in; this
    process looks for it.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        if sys.platform != "win32":
            resource_tracker.ensure_running()  # when it starts, it lets in what was blocked
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    def handle_signals(self) -> None:
        """As of every supervisor."""
        if sys.platform != "win32" and signal.SIGINT in signal.sigpending():
            self.signal_queue.append(signal.sigwait({signal.SIGINT}))
        super().handle_signals()
