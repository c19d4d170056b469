"""At which APIs people have allowed what. Of a consent from before nobody knows, so it is asked again."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEPT: Final = "user_id, client_id, scopes, granted_at"


def upgrade() -> None:
    """Add the column. Its default is for an earlier version that still runs, which does not write it."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild()
    else:
        op.add_column("consents", _resources())


def _resources() -> sa.Column[str]:
    return sa.Column("resources", _TEXT, nullable=False, server_default="{}")


def _rebuild() -> None:
    """SQLite would add the column behind the constraints."""
    op.drop_index("ix_consents_client_id", "consents")
    op.rename_table("consents", "consents_0005")
    op.create_table(
        "consents",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("user_id", "client_id", "scopes")),
        sa.Column("granted_at", _INTEGER, nullable=False),
        _resources(),
        *(
            sa.ForeignKeyConstraint([f"{owner}_id"], [f"{owner}s.id"], f"fk_consents_{owner}_id", ondelete="CASCADE")
            for owner in ("client", "user")
        ),
        sa.PrimaryKeyConstraint("user_id", "client_id", name="pk_consents"),
        sqlite_strict=True,
        sqlite_autoincrement=False,
    )
    op.execute(f"INSERT INTO consents ({_KEPT}) SELECT {_KEPT} FROM consents_0005")  # noqa: S608 -- names of columns, from here
    op.drop_table("consents_0005")
    op.create_index("ix_consents_client_id", "consents", ["client_id"])
