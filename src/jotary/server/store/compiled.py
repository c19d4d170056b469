"""SQLAlchemy statements compiled once to text and parameter order, so that SQLAlchemy is never on the hot path.

A primary-key SELECT costs 53 µs of CPU in asyncpg and 442 µs through SQLAlchemy's engine (design §8).
"""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

#: The largest number that a column holds.
LARGEST: Final = 2**63 - 1


class Unstorable(ValueError):  # noqa: N818 -- beside Conflict and Unavailable
    """A value that not every database can hold: text with NUL or a lone surrogate, or more than 64 bits."""


class Statement:
    """One statement in one dialect.

    Attributes:
        sql: the text that the driver runs.
        guarded: whether touching no row is a conflict.
        may_lag: whether the disk may have it later than the caller is told, as what rests on it is committed behind it.
        appends: whether it adds to a table that is read by position. Its entries must become visible in order of
            position, or a follower that reads "after N" misses one that is committed later with a smaller number.
    """

    __slots__ = ("_constants", "_order", "appends", "guarded", "may_lag", "sql")

    def __init__(
        self, statement: sa.ClauseElement, dialect: sa.Dialect, *, guarded: bool = False, may_lag: bool = False
    ) -> None:
        if isinstance(statement, sa.Insert):
            statement = statement.inline()  # or SQLAlchemy means to fetch the position before, and asks for it here
        compiled = statement.compile(dialect=dialect)
        if not isinstance(compiled, sa.sql.compiler.SQLCompiler):
            raise TypeError("only a statement with parameters can be compiled")
        self.sql = str(compiled)
        self.guarded = guarded
        self.may_lag = may_lag
        self.appends = isinstance(statement, sa.Insert) and "position" in statement.table.c
        self._order = tuple(compiled.positiontup or ())
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the placeholders.

        Raises:
            Unstorable: a value that not every database can hold.
            KeyError: a value is missing.
        """
        constants = self._constants
        parameters = tuple(constants[name] if name in constants else values[name] for name in self._order)
        _check("".join([value for value in parameters if isinstance(value, str)]))
        numbers = [value for value in parameters if isinstance(value, int)]
        if numbers and not -LARGEST <= min(numbers) <= max(numbers) <= LARGEST:
            raise Unstorable("a number is beyond 64 bits")
        return parameters


def _check(text: str) -> None:
    if "\0" in text:  # PostgreSQL has no NUL in text
        raise Unstorable("text holds a NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Unstorable("text holds a lone surrogate")
