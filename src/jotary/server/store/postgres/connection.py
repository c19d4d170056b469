"""How a connection to PostgreSQL is opened, and what is wrong when it cannot be used."""

from typing import Any, Final

import asyncpg

from jotary.server.ports import Unavailable
from jotary.server.settings.database import without_password

#: Seconds in which a call has its answer or fails: waiting for a connection, connecting and running together.
DEADLINE: Final = 0.9

#: Seconds that a call in a crowd waits for its turn, while the database goes on answering the others.
PATIENCE: Final = 5.0

_CONNECT_SECONDS: Final = 5.0  # where nobody waits for an answer but who starts the server

#: The database cannot be used now, or not as the URL says. `OSError` holds refused connections and time that ran out.
FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

# Sent as each connection opens, so that they win over whatever the role, the database or the URL says.
_SETTINGS: Final = {
    "application_name": "jotary",
    "synchronous_commit": "on",  # an acknowledged commit survives power loss, and the loss of a synchronous primary
    "default_transaction_isolation": "read committed",  # a guarded UPDATE looks again at the row it waited for
    "default_transaction_deferrable": "off",
    "client_encoding": "UTF8",
}

# What a process that hangs or is gone must not keep for itself, in milliseconds.
_BOUNDS: Final = {
    "statement_timeout": "1000",
    "lock_timeout": "300",  # well within the deadline, so that who met a deadlock can still try again
    "idle_in_transaction_session_timeout": "2000",
}


def settings(*, bounded: bool) -> dict[str, str]:
    """What a connection is told as it opens; `bounded`: with limits for how long a statement and a lock may take."""
    return {**_SETTINGS, **(_BOUNDS if bounded else {})}


async def connect(url: str) -> "asyncpg.Connection[Any]":
    """One connection outside the pool, without bounds on its statements."""
    return await asyncpg.connect(url, timeout=_CONNECT_SECONDS, server_settings=settings(bounded=False))


def cannot_open(url: str, error: Exception) -> Unavailable:
    """What is wrong with the database that the URL names, without its password."""
    return Unavailable(f"cannot open the database {without_password(url)}: {what(error)}")


def what(error: Exception) -> str:
    """The error in one line; time that ran out says nothing by itself."""
    lines = str(error).splitlines()
    return lines[0] if lines else "no answer in time"
