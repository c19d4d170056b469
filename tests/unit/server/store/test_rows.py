"""Records and rows."""

import msgspec
import pytest
import sqlalchemy as sa

from jotary.server.store.rows import Rows

table = sa.Table(
    "things",
    sa.MetaData(),
    *(sa.Column(name, sa.Text()) for name in ("id", "tags", "extra", "flag", "moment")),
)


class Thing(msgspec.Struct, frozen=True):
    """A record with a field of each kind."""

    id: str
    tags: tuple[str, ...]
    extra: dict[str, object] | None
    flag: bool


class Odd(msgspec.Struct, frozen=True):
    """A record with a field that no column holds."""

    moment: float


def test_a_field_of_an_unknown_type_is_refused_at_once() -> None:
    """At import, not at the first write."""
    with pytest.raises(TypeError, match="float"):
        Rows(Odd, table)


def test_a_field_without_a_column_is_refused_at_once() -> None:
    """A record cannot grow a field that the store forgets."""

    class Longer(msgspec.Struct):
        id: str
        forgotten: str

    with pytest.raises(KeyError, match="forgotten"):
        Rows(Longer, table)
