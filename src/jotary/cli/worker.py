"""One of several processes of `jotary serve`, which ends with the one that started it."""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from threading import Thread
from typing import Final, NoReturn

import structlog

from jotary.cli.administration import draft_settings, load_settings, needs_database
from jotary.server.app import Application, from_environment
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.settings import SettingsError
from jotary.server.telemetry import configure_logging

#: Seconds until another one is started in the place of one that cannot begin.
_PAUSE: Final = 5

log = structlog.get_logger("jotary.server")


def application() -> Application:
    """What each worker loads, or the end of one that finds its things gone."""
    supervisor = parent_process()
    if supervisor is not None:
        Thread(target=_follow, args=(supervisor.join,), name="jotary-supervisor", daemon=True).start()
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # uvicorn listens by now (`supervisor.py`)
    try:
        # The supervisor has made what there was to make. A database or a secret that is missing now was taken away, and
        # an empty one beside workers that still have the old one would have other keys and no people.
        needs_database(load_settings(None, may_make_secret=False).settings)
        return from_environment()
    except (SettingsError, AdministrationError) as error:
        _give_up(error)


def _give_up(error: SettingsError | AdministrationError) -> NoReturn:
    """Leave the place to another one, which may find what is missing, and not sooner than a log can bear.

    Not with uvicorn's code for what cannot start, which ends the others too: they say 503, and a start from the
    beginning would make the empty database.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # there is nothing to be finished
    with suppress(SettingsError):  # or it is the settings that cannot be read
        configure_logging(draft_settings(None))
    log.critical("worker_not_started", problem=str(error), hint=error.hint)
    time.sleep(_PAUSE)
    sys.exit(1)


def _follow(wait_for_supervisor: Callable[[], object]) -> None:
    """Stop as on SIGTERM when the supervisor is no more, whose place a new one could not take otherwise.

    However it ended: it alone holds the other end of the pipe that is waited for (on Windows, its handle).
    """
    wait_for_supervisor()
    signal.raise_signal(signal.SIGTERM)
