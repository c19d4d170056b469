"""What keeps a server well without its database, taken out in a server before it serves."""

from importlib import import_module

from faults.sabotage import Replace

_FOREVER = 60.0  # seconds


def no_deadline(replace: Replace) -> None:
    """A call waits for as long as the database likes."""
    driver = import_module("jotary.server.store.postgres.driver")  # needs asyncpg, which other faults do not
    replace(driver, "DEADLINE", _FOREVER)
    replace(driver, "PATIENCE", _FOREVER)
