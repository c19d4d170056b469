"""The socket that a server answers on: made, or taken from a service manager, before anything is said or started."""

import errno
import os
import socket
import stat
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from jotary.oauth.loopback import is_loopback

_DEFAULT: Final = ("127.0.0.1", 8000)
_BACKLOG: Final = 2048  # connections that wait to be taken, as many as uvicorn asks for
_ACCEPTED_AT_ONCE: Final = 32
_FIRST_PASSED: Final = 3  # the number of the first file descriptor that a service manager passes (sd_listen_fds(3))
_HINTS: Final = {
    errno.EADDRINUSE: "Another program has it. Stop that, or choose another --port (0: any that is free).",
    errno.EACCES: "Ports below 1024 are for privileged programs: choose another --port.",
    errno.EADDRNOTAVAIL: "This machine has no such address: choose another --host.",
}


def default_address(issuer: str) -> tuple[str, int]:
    """Where to listen unless told: where a loopback issuer says; behind a proxy, on a port for that proxy alone."""
    parts = urlsplit(issuer)
    if parts.scheme == "http" and parts.hostname and is_loopback(parts.hostname):
        return parts.hostname, parts.port or 80
    return _DEFAULT


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket.

    Raises:
        ClickException: the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = _bound(socket.socket(family), address)
    except OSError as error:
        hint = _HINTS.get(error.errno or 0, "")
        raise click.ClickException(f"Cannot listen on {host} port {port}: {error.strerror}. {hint}".rstrip()) from None
    except UnicodeError:  # of what names are encoded by, which are looked up (RFC 5891)
        raise click.ClickException(f"Cannot listen on {host} port {port}: It is no name of a host.") from None
    return listener


def listen_on_path(path: Path) -> socket.socket:
    """A listening UNIX socket that this user and group may reach; the one that a dead server left is replaced.

    Raises:
        ClickException: the path cannot be had.
    """
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            _refuse_if_served(path)
            path.unlink()
        listener = _bound(socket.socket(socket.AF_UNIX), str(path))
        path.chmod(0o660)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {path}: {error.strerror or error}.") from None
    return listener


def take_activated(environ: MutableMapping[str, str], *, pid: int) -> socket.socket | None:
    """The listening socket that a service manager has passed to this process (sd_listen_fds(3)); None without one.

    What says so is removed from the environment: it is not for processes that are started from here.

    Args:
        environ: of this process.
        pid: of this process.

    Raises:
        ClickException: it is more than one, or no socket that takes connections.
    """
    told = [environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")]
    if told[0] != str(pid):
        return None
    if told[1] != "1":
        raise click.ClickException(f"The service manager passed {told[1]} sockets: give jotary.socket one Listen line.")
    try:
        listener = socket.socket(fileno=_FIRST_PASSED)
        is_listening = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise click.ClickException(f"What the service manager passed is no socket: {error.strerror}.") from None
    if not is_listening:
        listener.close()
        raise click.ClickException("The service manager's socket takes no connections: use ListenStream, Accept=no.")
    listener.set_inheritable(True)  # by the workers
    return listener


def several_of(listener: socket.socket) -> list[socket.socket]:
    """The same socket several times, for an event loop that takes one connection from each in a turn, as libuv's do.

    When the turns are long, as there is much to answer, new clients would otherwise wait for seconds to be taken.
    """
    # Python makes what it duplicates block, unless this one does not. Whoever else serves at the socket shares that
    # flag (fcntl(2)), and would stand still in accept(2) when another process takes the connection that both saw.
    listener.setblocking(False)
    return [listener, *(listener.dup() for _ in range(_ACCEPTED_AT_ONCE - 1))]


def _bound(listener: socket.socket, address: Any) -> socket.socket:
    try:
        if os.name == "posix":
            listener.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # restart without waiting for old connections
        listener.bind(address)
        listener.listen(_BACKLOG)  # who comes while the server starts waits, and is not refused
        listener.set_inheritable(True)  # by the workers
    except OSError:
        listener.close()
        raise
    return listener


def _refuse_if_served(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
    raise click.ClickException(f"Cannot listen on {path}: another server answers there.")


def url_of(listener: socket.socket) -> str:
    """Where a TCP socket can be reached, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
