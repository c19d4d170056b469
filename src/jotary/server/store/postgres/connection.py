"""How a connection to PostgreSQL is opened, and what is wrong when it cannot be used."""

import socket
import ssl
from typing import Any, Final

import asyncpg

from jotary.server.ports import Unavailable
from jotary.server.settings.database import without_password


class _UnreadableURLError(asyncpg.InterfaceError):
    """Not a URL as libpq reads it."""


#: Seconds in which a call has its answer or fails: waiting for a connection, connecting and running together.
DEADLINE: Final = 0.8

#: Seconds that a call in a crowd waits for its turn, while the database goes on answering the others.
PATIENCE: Final = 5.0

_ENCODE: Final = "Percent-encode every character of the user and the password that is neither a letter nor a digit."
_POOLER: Final = "Let the pooler between work by session, as docs/postgresql.md says: A pooler between."
# With these words in its text, which come before the others.
_HINTS_BY_WORDS: Final = (
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "pg_hba.conf",
        "Let pg_hba.conf there take this user, database and address; where it says no encryption, add sslmode=require.",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "for database",
        "As its owner: GRANT CONNECT ON DATABASE, and its name, TO this role.",
    ),
    (asyncpg.ProtocolViolationError, "startup parameter", _POOLER),
    (
        ConnectionError,
        "rejected SSL",
        "It offers no TLS, which sslmode asks for: give it a certificate, and set ssl = on there.",
    ),
)
# The first that fits.
_HINTS: Final = (
    (asyncpg.InvalidAuthorizationSpecificationError, "Mend the user or the password in the setting database."),
    (asyncpg.InvalidCatalogNameError, "Make it with CREATE DATABASE, or mend its name in the setting database."),
    (
        asyncpg.InsufficientPrivilegeError,
        (
            "Let the owner of the tables run jotary db upgrade, and GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES "
            "IN SCHEMA public and USAGE ON ALL SEQUENCES IN SCHEMA public to this role; or, for a role that shall own "
            "them, GRANT CREATE ON SCHEMA public to it. With another search_path, its first schema in place of public."
        ),
    ),
    (
        asyncpg.InvalidSchemaNameError,
        "Make a schema that search_path names, and GRANT USAGE, CREATE ON SCHEMA, and its name, TO this role.",
    ),
    (
        asyncpg.ReadOnlySQLTransactionError,
        "It is a standby or set to read only: name the primary in the URL, or all and target_session_attrs=read-write.",
    ),
    (
        asyncpg.TooManyConnectionsError,
        "Lower database_connections, or raise max_connections or the role's or the database's CONNECTION LIMIT.",
    ),
    (asyncpg.CannotConnectNowError, "It starts or stops: try again in a moment."),
    (
        asyncpg.LockNotAvailableError,
        "Another process changes the schema or holds a table, as pg_stat_activity shows: try again when it is done.",
    ),
    ((asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError), _POOLER),
    (
        ssl.SSLError,
        "With sslmode=verify-full the certificate must be of an authority in sslrootcert, and for the URL's host.",
    ),
    (ConnectionRefusedError, "Start it, or mend its host and port in the setting database."),
    (
        socket.gaierror,
        "Mend the host in the setting database: no address is known by that name. An @ in a password is written %40.",
    ),
    (TimeoutError, "See whether a firewall drops what is sent to its host and port, or whether the database hangs."),
    (
        asyncpg.exceptions.TargetServerAttributeNotMatched,
        "Let one of the hosts be such as target_session_attrs asks for, or name it in the setting database.",
    ),
    (FileNotFoundError, "See whether what the URL names is there: sslrootcert, sslcert, sslkey, the socket's folder."),
    (_UnreadableURLError, _ENCODE),
    (
        asyncpg.exceptions.ClientConfigurationError,
        "Mend the options of the URL; sslmode=verify-full needs the authority's certificate in sslrootcert.",
    ),
)

_CONNECT_SECONDS: Final = 5.0  # where nobody waits for an answer but who starts the server

#: The database cannot be used now, or not as the URL says. `OSError` holds refused connections and time that ran out.
FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What meets a connection between the last message on it and its end; and no server is as the URL wants it
    # (`TargetServerAttributeNotMatched`), between two primaries, say.
    asyncpg.InternalClientError,
    OSError,
)

# Sent as each connection opens, so that they win over whatever the role, the database or the URL says.
_SETTINGS: Final = {
    "application_name": "jotary",
    "synchronous_commit": "on",  # an acknowledged commit survives power loss, and the loss of a synchronous primary
    "default_transaction_isolation": "read committed",  # a guarded UPDATE looks again at the row it waited for
}

# What a process that hangs or is gone must not keep for itself, in milliseconds.
_BOUNDS: Final = {
    "statement_timeout": "1000",
    "lock_timeout": "300",  # well within the deadline, so that who met a deadlock can still try again
    "idle_in_transaction_session_timeout": "2000",
}

# Of a role whose servers are behind a pooler, say: an upgrade or a backup takes as long as it takes.
_NO_BOUNDS: Final = dict.fromkeys(_BOUNDS, "0")


def settings(*, bounded: bool) -> dict[str, str]:
    """What a connection is told as it opens; `bounded`: with limits for how long a statement and a lock may take."""
    return {**_SETTINGS, **(_BOUNDS if bounded else _NO_BOUNDS)}


async def connect(url: str) -> "asyncpg.Connection[Any]":
    """One connection outside the pool, without bounds on its statements."""
    try:
        return await asyncpg.connect(url, timeout=_CONNECT_SECONDS, server_settings=settings(bounded=False))
    except FAILURES:
        raise
    except ValueError:  # of a port that is no number, which may be the rest of a password: nothing of it is said
        raise _UnreadableURLError("the URL cannot be read") from None


def cannot_open(url: str, error: Exception) -> Unavailable:
    """What is wrong with the database that the URL names, without its password, and what to do about it."""
    return Unavailable(f"cannot open the database {without_password(url)}: {what(error)}", hint=hint(error))


def hint(error: Exception) -> str | None:
    """What to do about it, where that is known."""
    for kind, words, mend in _HINTS_BY_WORDS:
        if isinstance(error, kind) and words in str(error):
            return mend
    return next((mend for kind, mend in _HINTS if isinstance(error, kind)), None)


def what(error: Exception) -> str:
    """The error in one line; time that ran out says nothing by itself."""
    lines = str(error).splitlines()
    return lines[0] if lines else "no answer in time"
