"""`jotary serve`: the authorization server, run by uvicorn."""

import asyncio
import os
import signal
import socket
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import click
import uvicorn

from jotary.cli import open_files, options
from jotary.cli.administration import draft_settings, load_settings
from jotary.cli.front_door import FrontDoor
from jotary.cli.introduction import introduce
from jotary.cli.listening import default_address, listen, listen_on_path, several_of, take_activated
from jotary.cli.supervisor import Supervisor
from jotary.server.app import Application, create_app, prepare
from jotary.server.settings import Settings
from jotary.server.settings.sources import CONFIG_VARIABLE
from jotary.server.telemetry import READY, STOPPING, configure_logging, tell_service_manager

_WORKER: Final = "jotary.cli.worker:application"  # what each of several processes loads
_DRAIN: Final = 10  # seconds that requests under way get when the server stops
_KEEP_ALIVE: Final = 5  # seconds that an idle connection stays open
# Longer than proxies keep theirs (Caddy 120, Traefik 90, nginx 60), or they would send into one that just closed.
_KEEP_ALIVE_BEHIND_PROXY: Final = 130


@click.command()
@options.config
@click.option("--host", help="The address to listen on.  [default: a loopback issuer's, else 127.0.0.1]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="The port; 0: any that is free.  [default: a loopback issuer's, else 8000]",
)
@click.option("--uds", type=click.Path(path_type=Path), help="A UNIX socket to listen on instead.")
@options.workers("Processes.")
@options.limit_concurrency(
    "Connections at once in each process, of which idle ones make room; if none is idle, the answer is 503."
)
def serve(
    config: Path | None, host: str | None, port: int | None, uds: Path | None, workers: int, **limits: int
) -> None:
    """Run the authorization server until it is told to stop (Ctrl-C or SIGTERM)."""
    _stop_on_signals()
    # A port that is taken is said before a secret is made.
    listener = _listener(host, port, uds, issuer=draft_settings(config).issuer)
    try:
        loaded = load_settings(config)
        configure_logging(loaded.settings)
        open_files.allow(open_files.needed(limits["limit_concurrency"]))
        with suppress(OSError):  # a disk that its words have filled keeps nobody from serving
            introduce(loaded, listener)
        if loaded.config_file is not None:
            os.environ[CONFIG_VARIABLE] = str(loaded.config_file.resolve())  # for the workers
        server_options = {**_server_options(loaded.settings, has_proxy_socket=_is_unix(listener)), **limits}
        is_well = (_run_several if workers > 1 else _run_one)(loaded.settings, listener, workers, server_options)
    finally:
        listener.close()
        if uds is not None:
            uds.unlink(missing_ok=True)
    sys.exit(0 if is_well else 1)


def _listener(host: str | None, port: int | None, uds: Path | None, *, issuer: str) -> socket.socket:
    """The service manager's socket if it passed one, else what the options say, else what the issuer says."""
    activated = take_activated(os.environ, pid=os.getpid())
    if activated is not None:
        if (host, port, uds) != (None, None, None):
            activated.close()
            raise click.UsageError("The service manager passed a socket: leave out --host, --port and --uds.")
        return activated
    if uds is not None:
        return listen_on_path(uds)
    default_host, default_port = default_address(issuer)
    return listen(host or default_host, default_port if port is None else port)


def _is_unix(listener: socket.socket) -> bool:
    return listener.family == getattr(socket, "AF_UNIX", None)


class _Server(uvicorn.Server):
    """Tells the application and the service manager of a signal before anything else."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As of every uvicorn server."""
        tell_service_manager(STOPPING, os.environ)
        self._application.begin_to_stop()
        super().handle_exit(sig, frame)


def _run_one(settings: Settings, listener: socket.socket, _workers: int, server_options: dict[str, Any]) -> bool:
    """Serve in this process; what keeps it from starting is raised."""
    application = create_app(settings)
    server = _Server(uvicorn.Config(application, **{**server_options, "lifespan": "off"}), application)

    async def run() -> None:
        async with application.running():
            tell_service_manager(READY, os.environ)  # clients wait in the socket's queue since it was bound
            await server.serve(sockets=several_of(listener))

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        try:
            runner.run(run())
        except SystemExit as stop:  # a signal, which uvicorn raises once more when its own work is done
            return not stop.code
    return True


def _run_several(settings: Settings, listener: socket.socket, workers: int, server_options: dict[str, Any]) -> bool:
    """Serve in several processes that share the socket; False if one could not start."""
    asyncio.run(prepare(settings))  # once, before they all do it; what is wrong is said here
    supervisor = Supervisor(
        uvicorn.Config(_WORKER, factory=True, workers=workers, **server_options), sockets=several_of(listener)
    )
    with _figures(settings.metrics_listen):
        supervisor.run()
    return not any(process.exitcode == uvicorn.config.STARTUP_FAILURE for process in supervisor.processes)


def _figures(address: str) -> AbstractContextManager[None]:
    """Show the figures of all workers at one address, if there shall be one."""
    if not address:
        return nullcontext()
    from jotary.cli.worker_figures import figures_of_workers  # noqa: PLC0415 -- for whoever asks for figures

    return figures_of_workers(address)


def _server_options(settings: Settings, *, has_proxy_socket: bool) -> dict[str, Any]:
    """How uvicorn is set up. A UNIX socket is reached by a proxy on this machine only."""
    has_proxy = has_proxy_socket or bool(settings.trusted_proxies)
    return {
        "http": FrontDoor,
        "ws": "none",
        "interface": "asgi3",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,  # the application logs requests itself, without what was sent (telemetry/access_log.py)
        "server_header": False,
        "proxy_headers": False,  # the application reads them itself, wherever it runs (`web/forwarded.py`)
        "timeout_keep_alive": _KEEP_ALIVE_BEHIND_PROXY if has_proxy else _KEEP_ALIVE,
        "timeout_graceful_shutdown": _DRAIN,
    }


def _stop_on_signals() -> None:
    """Being told to stop is a success, from the first moment on."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
