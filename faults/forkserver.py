"""Starts `jotary serve` again and again without paying for its imports: each one is a fork of this process.

A fork is a process as any other: it has its own memory, connections and locks, and dies of SIGKILL by itself. Orders
come over the socket that is named on the command line, each with the listener that the server is to serve at.
"""

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from faults import sabotage
from faults.clock import SharedClock
from jotary.cli.serve import serve
from jotary.server import app

_FIRST_PASSED = 3  # the descriptor at which sd_listen_fds(3) passes the first socket
_ORDER_SIZE = 65_536  # bytes
_KEY_REFRESH_INTERVAL = 0.01  # seconds


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One server to start.

    Attributes:
        environment: its settings.
        log: the file that it writes to.
        arguments: of `jotary serve`.
        sabotage: `module:function`, or empty.
        clock: the file of a `SharedClock` that it reads; empty for the true time.
    """

    environment: dict[str, str]
    log: str
    arguments: tuple[str, ...] = ()
    sabotage: str = ""
    clock: str = ""


def main() -> None:
    """Carry out orders until the other side hangs up, then end with every server that was started."""
    _carry_out(socket.socket(fileno=int(sys.argv[1])))


def _carry_out(orders: socket.socket) -> NoReturn:
    """An order is answered with the number and the handle of the process that was made of it."""
    while True:
        text, descriptors, _, _ = socket.recv_fds(orders, _ORDER_SIZE, 1)
        if not text:
            os.killpg(0, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        number = os.fork()
        if number == 0:
            orders.close()
            _become(text, descriptors[0])
        handle = os.pidfd_open(number)  # before it is waited for: the number is its own until then
        socket.send_fds(orders, [str(number).encode()], [handle])
        os.close(handle)
        os.close(descriptors[0])


def _become(text: bytes, descriptor: int) -> NoReturn:
    """A server at a listener; or, for the name of a folder, another fork server, which works there."""
    if text.startswith(b"{"):
        _become_server(msgspec.json.decode(text, type=Order), descriptor)
    os.setsid()
    os.chdir(text)
    _carry_out(socket.socket(fileno=descriptor))


def _become_server(order: Order, listener: int) -> NoReturn:
    output = os.open(order.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(listener, _FIRST_PASSED)
    os.environ.update(order.environment, LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    _set_clock(order.clock)
    sabotage.apply(order.sabotage)
    serve.main(args=list(order.arguments), prog_name="jotary serve")
    raise AssertionError("`jotary serve` ends its process")


def _set_clock(file: str) -> None:
    if file:
        defaults: Any = app.create_app.__kwdefaults__  # a clock is an argument, and the command leaves the default
        defaults["clock"] = SharedClock(Path(file))
        # A step of that clock takes no time, so the keys are looked at all the time.
        vars(app)["KEY_REFRESH_INTERVAL"] = _KEY_REFRESH_INTERVAL


if __name__ == "__main__":
    main()
