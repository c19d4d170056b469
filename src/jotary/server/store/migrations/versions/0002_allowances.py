"""How often something may still be tried."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "allowances",
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("restored_at", _INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_allowances"),
        sqlite_strict=True,
        sqlite_autoincrement=False,
    )
    op.create_index("ix_allowances_restored_at", "allowances", ["restored_at"])
