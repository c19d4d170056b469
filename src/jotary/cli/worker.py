"""One of several processes of `jotary serve`, which ends with the one that started it."""

import signal
import sys
from collections.abc import Callable
from multiprocessing import parent_process
from threading import Thread

from jotary.server.app import Application, from_environment


def application() -> Application:
    """What each worker loads.

    Raises:
        SettingsError: with what to change.
    """
    supervisor = parent_process()
    if supervisor is not None:
        Thread(target=_follow, args=(supervisor.join,), name="jotary-supervisor", daemon=True).start()
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # uvicorn listens by now (`supervisor.py`)
    return from_environment()


def _follow(wait_for_supervisor: Callable[[], object]) -> None:
    """Stop as on SIGTERM when the supervisor is no more, whose place a new one could not take otherwise.

    However it ended: it alone holds the other end of the pipe that is waited for (on Windows, its handle).
    """
    wait_for_supervisor()
    signal.raise_signal(signal.SIGTERM)
