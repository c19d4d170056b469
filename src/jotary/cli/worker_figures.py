"""The figures of several workers at one address."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from jotary.server.telemetry.metrics import FOLDER_VARIABLE
from jotary.server.telemetry.metrics.exposition import MetricsListener, listen
from jotary.server.telemetry.metrics.workers import Workers


@contextmanager
def figures_of_workers(address: str) -> Iterator[None]:
    """Show the figures of all workers at one address.

    Raises:
        SettingsError: it cannot be had.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise click.UsageError("Several workers show their figures on UNIX sockets, which are not there: one worker.")
    with listen(address) as listener, tempfile.TemporaryDirectory(prefix="jotary-") as folder:
        os.environ[FOLDER_VARIABLE] = folder  # for the workers
        shown = MetricsListener(Workers(Path(folder)), listener)
        try:
            yield
        finally:
            shown.close()
