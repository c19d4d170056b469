"""Records and rows."""

import msgspec
import pytest
import sqlalchemy as sa

from jotary.server.ports import Unavailable
from jotary.server.store.rows import Rows

table = sa.Table(
    "things",
    sa.MetaData(),
    *(sa.Column(name, sa.Text()) for name in ("id", "tags", "extra", "flag", "moment")),
)


class Tagged(msgspec.Struct, frozen=True):
    """A record with JSON in it."""

    id: str
    tags: tuple[str, ...]


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


@pytest.mark.parametrize("tags", ["", "[", "[" * 100_000, '{"a": 1}', "[1]", "\udcff"])
def test_a_row_that_somebody_spoilt_is_said_to_be(tags: str) -> None:
    """By hand, or a disk: an operator is told where and what to do, and no defect of jotary's is suspected."""
    with pytest.raises(Unavailable, match=r"^what stands in things\.tags is not what jotary wrote") as refused:
        Rows(Tagged, table).record(("id", tags))
    assert "jotary restore" in str(refused.value.hint)
    assert Rows(Tagged, table, unreadable={"tags": ()}).record(("id", tags)).tags == ()
