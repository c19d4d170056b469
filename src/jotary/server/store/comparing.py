"""Whether a whole row is still as it was read: what a change is compared with and set against."""

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

_PREFIX: Final = "known_"
#: Columns of clients that hold JSON.
_JSON: Final = frozenset({"jwks", "redirect_uris", "post_logout_redirect_uris", "grant_types", "scopes", "audiences"})


def as_known(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that were read, under the names that `is_as_known` has for them."""
    return {f"{_PREFIX}{name}": value for name, value in values.items()}


def is_as_known(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """That every column but the key holds what was read; nothing is as good as a value."""
    return [_is_as_known(column) for column in table.c if not column.primary_key]


def _is_as_known(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
    known = sa.bindparam(f"{_PREFIX}{column.name}", type_=column.type)
    if column.name not in _JSON:
        return column.is_not_distinct_from(known)
    equal: sa.ColumnElement[bool] = _spaceless(column).is_not_distinct_from(_spaceless(known))
    return equal


def _spaceless(text: sa.ColumnElement[Any]) -> Any:
    """JSON as it is compared: none of its values has a space, and a row that somebody wrote by hand may have them."""
    return sa.func.replace(text, sa.literal_column("' '"), sa.literal_column("''"))
