"""Figures as text, over HTTP on a listener of their own: the public one never shows them (docs/decisions/0014)."""

import os
import socket
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseServer, TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any, Final, Protocol

from prometheus_client import exposition
from prometheus_client.metrics_core import Metric as Family

from jotary.server.settings.error import SettingsError

PATH: Final = "/metrics"
#: The most precise text there is, in which workers answer their parent.
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_PATIENCE: Final = 5  # seconds for a request to arrive


class Figures(Protocol):
    """What has figures: a registry, or several workers'."""

    def collect(self) -> Iterable[Family]:
        """The figures as they are now."""


class MetricsListener:
    """Answers `GET /metrics` in a thread, so that it answers while the event loop is busy, too.

    Args:
        figures: what is shown.
        listener: a bound, listening socket; it is closed with this.
    """

    def __init__(self, figures: Figures, listener: socket.socket) -> None:
        self._server = _Server(figures, listener)
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="jotary-metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering. Blocks for a moment."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def listen(address: str) -> socket.socket:
    """A listening TCP socket for `host:port`, or `[host]:port` for IPv6.

    Raises:
        SettingsError: it cannot be had.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)  # asyncio and socket add words of their own
        raise SettingsError(
            f"cannot listen on {address}: {reason}", hint="Choose another address or port.", name="metrics_listen"
        ) from None


def listen_on(path: Path) -> socket.socket:
    """A listening UNIX socket, for one worker's figures."""
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


class _Server(ThreadingMixIn, TCPServer):
    """A server on a socket of any kind that is there already."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, figures: Figures, listener: socket.socket) -> None:
        BaseServer.__init__(self, listener.getsockname(), _Handler)
        self.socket = listener
        self.figures = _Without(figures)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody hung up, or what they sent was no HTTP: nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server: _Server

    def do_GET(self) -> None:
        """Answer with the figures."""
        if self.path.partition("?")[0] != PATH:
            self.send_error(404)
            return
        encode, content_type = exposition.choose_encoder(self.headers.get("Accept") or "")
        body = encode(self.server.figures)
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Say nothing of versions in the header."""
        return "jotary"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the name that it overrides
        """Log nothing: it comes every few seconds, and a request line may be anything."""


class _Without:
    """Figures without the moments at which each counter was made: twice the text, and of use to nobody here."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Family]:
        for family in self._figures.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
