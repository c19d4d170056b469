"""What a PostgreSQL says of itself, for who looks after it. Nothing is changed."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jotary.server.store.postgres.connection import FAILURES, cannot_open, connect

if TYPE_CHECKING:
    import asyncpg

_ANSWER_SECONDS: Final = 5.0

# Not by SHOW, which fails for one that this version does not have.
_SETTINGS: Final = (
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit',"
    " 'default_transaction_read_only', 'max_connections', 'superuser_reserved_connections', 'reserved_connections')"
)
_CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"
# -1 stands for no limit; what a superuser may is not bounded by either.
_ROLE: Final = (
    "SELECT rolname, rolsuper, rolconnlimit, datconnlimit, pg_is_in_recovery(),"
    " (SELECT sum(numbackends)::int FROM pg_stat_database)"  # pg_stat_activity hides other roles' from most
    " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"
)
# Which of its tables and sequences this role may not use as a server does.
_CLOSED: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND (
    relkind = 'r' AND relname != 'alembic_version' AND NOT (
        has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
    OR relkind = 'S' AND NOT has_sequence_privilege(oid, 'USAGE'))
ORDER BY relname
"""


@dataclass(frozen=True, slots=True)
class Channel:
    """How the bytes travel, as this end sees it.

    Attributes:
        peer: the address at the other end; None for a UNIX socket.
        is_encrypted: by TLS.
        certificate_checked: against an authority.
        name_checked: the certificate is for the host that the URL names.
    """

    peer: str | None
    is_encrypted: bool = False
    certificate_checked: bool = False
    name_checked: bool = False


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        version: of the server, as PostgreSQL counts: 180002 is 18.2.
        settings: those in force on a connection of jotary's, by name.
        role: who we are there.
        is_superuser: whether it may do everything.
        closed: tables and sequences that it may not write to.
        is_standby: it repeats what another one writes, and takes no writes.
        connection_limits: of the role and of the database, where they have one.
        in_use: connections at this moment, of everybody.
        ahead: seconds that its clock is ahead of ours.
        channel: how it was reached.
    """

    version: int
    settings: Mapping[str, str]
    role: str
    is_superuser: bool
    closed: tuple[str, ...]
    is_standby: bool
    connection_limits: tuple[int, ...]
    in_use: int
    ahead: float
    channel: Channel


def inspect(url: str, clock: Callable[[], float]) -> Inspection:
    """Ask the database that the URL names about itself; `clock`: Unix seconds of this machine.

    Blocks, so no event loop may run in this thread.

    Raises:
        Unavailable: it cannot be used.
    """
    try:
        return asyncio.run(_inspect(url, clock))
    except FAILURES as error:
        raise cannot_open(url, error) from error


async def _inspect(url: str, clock: Callable[[], float]) -> Inspection:
    connection = await connect(url)
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await _ask(connection, clock)
    finally:
        connection.terminate()


async def _ask(connection: "asyncpg.Connection[Any]", clock: Callable[[], float]) -> Inspection:
    settings = {row[0]: row[1] for row in await connection.fetch(_SETTINGS)}
    ((role, is_superuser, of_role, of_database, is_standby, in_use),) = await connection.fetch(_ROLE)
    before = clock()
    theirs = await connection.fetchval(_CLOCK)
    ours = (before + clock()) / 2
    limits = [] if is_superuser else [limit for limit in (of_role, of_database) if limit >= 0]
    return Inspection(
        version=int(await connection.fetchval("SHOW server_version_num")),
        settings=settings,
        role=role,
        is_superuser=is_superuser,
        closed=tuple(row[0] for row in await connection.fetch(_CLOSED)),
        is_standby=is_standby,
        connection_limits=tuple(limits),
        in_use=in_use,
        ahead=theirs - ours,
        channel=_channel(connection),
    )


def _channel(connection: "asyncpg.Connection[Any]") -> Channel:
    """As the transport says: what the URL, the environment and the service file ask for is not parsed twice."""
    # asyncpg shows its transport in no other way.
    transport: asyncio.BaseTransport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001 -- as above
    name = transport.get_extra_info("peername")
    peer = name[0] if isinstance(name, tuple) else None
    context: ssl.SSLContext | None = transport.get_extra_info("sslcontext")
    if context is None:
        return Channel(peer)
    return Channel(
        peer,
        is_encrypted=True,
        certificate_checked=context.verify_mode == ssl.CERT_REQUIRED,
        name_checked=context.check_hostname,
    )
