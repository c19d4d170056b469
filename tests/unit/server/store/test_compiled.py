"""Statements compiled to text and parameter order."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from jotary.server.store.compiled import Statement, Unstorable
from jotary.server.store.schema import events, sessions, users

SQLITE = sqlite.dialect(paramstyle="qmark")
POSTGRESQL: sa.Dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy

named = sessions.update().where(sessions.c.id == sa.bindparam("key")).values(generation=sa.bindparam("next"))


@pytest.mark.parametrize(("dialect", "marks"), [(SQLITE, ["?", "?"]), (POSTGRESQL, ["$1", "$2"])])
def test_values_are_given_in_the_order_of_the_placeholders(dialect: sa.Dialect, marks: list[str]) -> None:
    """The driver receives positions, whatever the names."""
    statement = Statement(named, dialect)
    assert statement.parameters({"key": "k", "next": 2, "more": 3}) == (2, "k")
    assert all(mark in statement.sql for mark in marks)


def test_a_name_used_twice_is_one_value_in_both_places() -> None:
    """SQLite's placeholders have no numbers."""
    value: sa.BindParameter[str] = sa.bindparam("value")
    statement = Statement(sa.select(users.c.id).where(users.c.id == value, users.c.name == value), SQLITE)
    assert statement.parameters({"value": "x"}) == ("x", "x")


def test_a_constant_needs_no_value() -> None:
    """What the statement itself says is bound with it, and nobody's value takes its place."""
    statement = Statement(users.update().values(name="fixed"), SQLITE)
    assert statement.parameters({}) == ("fixed",)
    assert statement.parameters({"name": "other"}) == ("fixed",)


def test_a_missing_value_is_a_mistake_of_ours() -> None:
    """It must not become NULL."""
    with pytest.raises(KeyError):
        Statement(named, SQLITE).parameters({"key": "k"})


@pytest.mark.parametrize("value", ["\0", "a\0", "\ud800", "\U0001f511\udc00", 2**63, -(2**63), 2**64])
def test_a_value_that_not_every_database_holds_is_refused(value: object) -> None:
    """Before it reaches a driver, in which it would fail in a way of its own."""
    with pytest.raises(Unstorable):
        Statement(named, SQLITE).parameters({"key": value, "next": 0})


@pytest.mark.parametrize("value", ["", "\x01\x7f", "\U0001f511", "\ud7ff\ue000", 2**63 - 1, None, True, b"\0"])
def test_a_value_that_every_database_holds_is_taken(value: object) -> None:
    """Odd is not wrong."""
    assert Statement(named, SQLITE).parameters({"key": value, "next": 0}) == (0, value)


def test_what_is_read_by_position_is_marked() -> None:
    """A driver with several writers must make its entries visible in order of position."""
    assert Statement(events.insert().values(kind="k"), SQLITE).appends
    assert not Statement(users.insert().values(id="u"), SQLITE).appends
    assert not Statement(events.delete(), SQLITE).appends
