"""A PostgreSQL: whether it keeps what it acknowledges, has room for every server, and is spoken to safely."""

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from jotary.cli.diagnosis.deployment import Deployment
from jotary.cli.diagnosis.finding import Finding, Findings, fail, judge, ok, warn
from jotary.server.settings.database import is_postgresql

if TYPE_CHECKING:
    from jotary.server.store.postgres.inspection import Channel, Inspection

_OLDEST: Final = 140000  # as in docs/postgresql.md
_MAJOR: Final = 10000
_RESERVED: Final = ("superuser_reserved_connections", "reserved_connections")
_LIKE_ON: Final = frozenset({"on", "remote_apply"})

_POSTGRESQL_CONF: Final = "in postgresql.conf, then: SELECT pg_reload_conf()"
#: Setting, values that are well, what becomes of the others, and the mend.
_DURABLE: Final[tuple[tuple[str, frozenset[str], Callable[[str, str, str], Finding], str], ...]] = (
    (
        "fsync",
        frozenset({"on"}),
        fail,
        f"Power loss may take back what was acknowledged, or all of it. Set fsync = on {_POSTGRESQL_CONF}",
    ),
    (
        "synchronous_commit",
        _LIKE_ON,
        fail,
        "Every connection of jotary asks for on, so that a pooler drops it: ALTER ROLE … SET synchronous_commit = on",
    ),
    (
        "full_page_writes",
        frozenset({"on"}),
        warn,
        f"Power loss may tear a page, unless the file system forbids it: full_page_writes = on {_POSTGRESQL_CONF}",
    ),
)


def check(deployment: Deployment) -> Findings:
    """Nothing where the database is another one."""
    url = deployment.settings.database
    if not is_postgresql(url):
        return
    from jotary.server.store.postgres.inspection import inspect  # noqa: PLC0415 -- its driver is an extra

    found = inspect(url, time.time)
    deployment.clocks.append(("the database", round(found.ahead)))
    yield _version(found.version)
    yield _writes(found)
    yield from _durability(found)
    yield _connections(found, deployment)
    yield _tls(found.channel)
    yield _role(found)


def _version(version: int) -> Finding:
    mend = f"Upgrade PostgreSQL to {_OLDEST // _MAJOR} or newer."
    found = f"PostgreSQL {version // _MAJOR}.{version % _MAJOR}"
    return judge("database version", found, is_well=version >= _OLDEST, mend=mend, otherwise=fail)


def _writes(found: "Inspection") -> Finding:
    """Reads go on where no write does, and with them /ready (docs/decisions, "Ready means that reads are answered")."""
    if found.is_standby:
        mend = "Name the primary, or all hosts with target_session_attrs=read-write, in the setting database."
        return fail("database writes", "it is a standby, which takes none", mend)
    if found.settings["default_transaction_read_only"] == "on":
        mend = "ALTER SYSTEM, DATABASE or ROLE … RESET default_transaction_read_only, wherever it was set."
        return fail("database writes", "default_transaction_read_only = on: it takes none", mend)
    if found.closed:
        mend = (
            f"As their owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {found.role};"
            f" GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {found.role}"
        )
        return fail("database writes", f"{found.role} may not write to: {', '.join(found.closed)}", mend)
    return ok("database writes", "it takes writes")


def _durability(found: "Inspection") -> Findings:
    for name, well, otherwise, mend in _DURABLE:
        value = found.settings[name]
        yield judge(name, value, is_well=value in well, mend=mend, otherwise=otherwise)


def _connections(found: "Inspection", deployment: Deployment) -> Finding:
    """Who starts servers on other machines has to add them up: nothing here knows of them."""
    pool = deployment.settings.database_connections
    needed = pool * deployment.workers
    offered = int(found.settings["max_connections"]) - sum(int(found.settings.get(name, 0)) for name in _RESERVED)
    room = min([offered, *found.connection_limits])
    processes = f"{pool} for each of {deployment.workers} processes here (--workers)"
    mend = (
        f"Lower database_connections or --workers, or raise max_connections to more than {needed} and what others use."
        " A role or a database may have a CONNECTION LIMIT, too."
    )
    text = f"{processes}, {room} allowed, {found.in_use} in use now"
    return judge("connections", text, is_well=needed <= room, mend=mend, otherwise=warn)


def _tls(channel: "Channel") -> Finding:
    """Who is between may read password hashes, and write whatever they like, unless the name is checked."""
    name, mend = "database TLS", "Add sslmode=verify-full and sslrootcert=FILE to the URL in the setting database."
    if channel.peer is None:
        return ok(name, "not needed: a UNIX socket")
    if channel.name_checked:
        return ok(name, f"encrypted to {channel.peer}, its certificate and name are checked")
    if ip_address(channel.peer).is_loopback:
        return ok(name, f"not needed: {channel.peer} is this machine")
    if not channel.is_encrypted:
        mend = f"Give the server a certificate (ssl = on). {mend}"
        return warn(name, f"nothing is encrypted on the way to {channel.peer}", mend)
    checked = "the certificate is checked, but not for whom" if channel.certificate_checked else "to whomever it may be"
    return warn(name, f"encrypted to {channel.peer}, {checked}", mend)


def _role(found: "Inspection") -> Finding:
    mend = "Give jotary a role of its own, with few rights: see As few rights as will do, in docs/postgresql.md"
    text = f"{found.role}{', a superuser' if found.is_superuser else ''}"
    return judge("database role", text, is_well=not found.is_superuser, mend=mend, otherwise=warn)
