"""One unit in the transaction of its group."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from jotary.server.ports import Conflict
from jotary.server.store.driver import Step

#: The rows that a unit touched, or why it did not.
Outcome = int | Exception

# The unit itself is at fault, not the database: its neighbours in the group are not touched.
_OWN_FAULTS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
# The rows that a unit stands on are not what its flow saw: somebody else was first.
_RACES: Final = {
    "SQLITE_CONSTRAINT_UNIQUE",
    "SQLITE_CONSTRAINT_PRIMARYKEY",
    "SQLITE_CONSTRAINT_FOREIGNKEY",
}


def run_unit(connection: sqlite3.Connection, unit: Sequence[Step]) -> Outcome:
    """Run one unit in the group's transaction; when it fails by itself, undo it alone.

    One statement undoes itself when it fails, so it needs no savepoint.

    Raises:
        sqlite3.Error: the database fails, and the whole group with it.
    """
    if len(unit) == 1:
        return _attempt(connection, unit)
    connection.execute("SAVEPOINT unit")
    outcome = _attempt(connection, unit)
    if isinstance(outcome, Exception):
        connection.execute("ROLLBACK TO unit")
    connection.execute("RELEASE unit")
    return outcome


def _attempt(connection: sqlite3.Connection, unit: Sequence[Step]) -> Outcome:
    touched = 0
    for step in unit:
        try:
            count = connection.execute(step.statement.sql, step.parameters).rowcount
        except _OWN_FAULTS as error:
            if step.change is not None and getattr(error, "sqlite_errorname", None) in _RACES:
                return Conflict(step.change)
            return error
        if count == 0 and step.statement.guarded and step.change is not None:
            return Conflict(step.change)
        touched += max(count, 0)
    return touched
