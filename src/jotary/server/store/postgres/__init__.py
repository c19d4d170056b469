"""PostgreSQL as a `backends.Backend`: a pool of connections with prepared statements, run by asyncpg."""

from jotary.server.store.postgres.driver import open_driver
from jotary.server.store.postgres.schema_change import change_schema, revision
from jotary.server.store.postgres.snapshot import read_snapshot

__all__ = ["change_schema", "open_driver", "read_snapshot", "revision"]
