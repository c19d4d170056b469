"""Where the server keeps what it remembers: one `Store` over a driver for each database."""

from jotary.server.store.compiled import Unstorable
from jotary.server.store.migrations import UnknownSchemaError
from jotary.server.store.opening import open_store
from jotary.server.store.store import Store
from jotary.server.store.watched import StoreWatch

__all__ = ["Store", "StoreWatch", "UnknownSchemaError", "Unstorable", "open_store"]
