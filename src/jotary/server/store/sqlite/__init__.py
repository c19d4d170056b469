"""SQLite as a `backends.Backend`: WAL mode, one writer thread with group commit, run by the standard library."""

from jotary.server.store.sqlite.driver import open_driver
from jotary.server.store.sqlite.schema_change import change_schema, revision
from jotary.server.store.sqlite.snapshot import read_snapshot

__all__ = ["change_schema", "open_driver", "read_snapshot", "revision"]
