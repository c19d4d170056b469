"""Signing keys are stamped with the server's secret. Whatever has no stamp from here on is not believed."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from alembic import context, op

from jotary.server.model.signing_key import SigningKey
from jotary.server.ports import Unavailable

revision: Final = "0005"
down_revision: Final = "0004"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_COLUMNS: Final = (
    sa.column("id", _TEXT),
    sa.column("algorithm", _TEXT),
    sa.column("public_jwk", _TEXT),
    sa.column("sealed_private_key", sa.LargeBinary()),
    sa.column("announced_at", _INTEGER),
    sa.column("signing_from", _INTEGER),
    sa.column("retiring_from", _INTEGER),
    sa.column("gone_from", _INTEGER),
)
_KEYS: Final = sa.table("signing_keys", *_COLUMNS, sa.column("stamp", sa.LargeBinary()))


def upgrade() -> None:
    """Add the column, and stamp what is there. No default: an earlier version that still runs adds no key."""
    connection = op.get_bind()
    # First of all: it locks the table, so that nobody adds a key that is not read here; and it fails where the column
    # is, so that setting back the revision does not have rows stamped.
    op.add_column("signing_keys", sa.Column("stamp", sa.LargeBinary(), nullable=True))
    keys = [_stamped(dict(row)) for row in connection.execute(sa.select(*_COLUMNS)).mappings()]
    if op.get_context().dialect.name == "sqlite":
        _rebuild()
    else:
        connection.execute(_KEYS.delete())
        op.alter_column("signing_keys", "stamp", nullable=False)
    if keys:
        connection.execute(_KEYS.insert(), keys)


def _stamped(key: dict[str, Any]) -> dict[str, Any]:
    """The row as it goes on. One without its private half has nothing that the secret sealed, and is gone."""
    if not key["sealed_private_key"]:
        return {**key, "gone_from": key["retiring_from"], "stamp": b""}
    enrol: Callable[[SigningKey], bytes] | None = context.config.attributes.get("enrol")
    if enrol is None:
        raise Unavailable("the database has signing keys of an earlier version; upgrade it with: jotary db upgrade")
    try:
        public = msgspec.json.decode(key["public_jwk"], type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        public = {}
    return {**key, "stamp": enrol(SigningKey(**{**key, "public_jwk": public}))}


def _rebuild() -> None:
    """SQLite cannot take away that a column may be empty."""
    op.drop_table("signing_keys")
    op.create_table(
        "signing_keys",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("id", "algorithm", "public_jwk")),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, _INTEGER, nullable=False) for name in ("announced_at", "signing_from")),
        *(sa.Column(name, _INTEGER, nullable=True) for name in ("retiring_from", "gone_from")),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
        sqlite_strict=True,
    )
