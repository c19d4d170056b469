"""Who did it and by which request, the seals of events, and where their chain begins and ends."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0002"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEPT: Final = "position, kind, at, user_id, client_id, session_id, address, detail"


def upgrade() -> None:
    """Widen the trail, and make the table of its chain."""
    if op.get_context().dialect.name == "sqlite":
        _rebuild_events()
    else:
        op.add_column("events", sa.Column("actor", _TEXT, nullable=True))
        op.add_column("events", sa.Column("request_id", _TEXT, nullable=True))
        op.add_column("events", sa.Column("seal", sa.LargeBinary(), nullable=True))
    _audit_chain()


def _rebuild_events() -> None:
    """SQLite would add the columns behind the others; no position is given twice by the new table either."""
    op.rename_table("events", "events_0002")
    op.create_table(
        "events",
        sa.Column("position", _INTEGER, autoincrement=True, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("at", _INTEGER, nullable=False),
        *(sa.Column(name, _TEXT, nullable=True) for name in ("user_id", "client_id", "session_id", "address")),
        *(sa.Column(name, _TEXT, nullable=True) for name in ("actor", "request_id")),
        sa.Column("detail", _TEXT, nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO events ({_KEPT}) SELECT {_KEPT} FROM events_0002")  # noqa: S608 -- names of columns, from here
    op.drop_table("events_0002")


def _audit_chain() -> None:
    numbers = ("begun_at", "anchor_position", "anchor_count", "head_position", "head_count", "sealed_at")
    seals = ("anchor_seal", "head_seal", "stamp")
    op.create_table(
        "audit_chain",
        sa.Column("id", _TEXT, nullable=False),
        *(sa.Column(name, _INTEGER, nullable=False) for name in numbers),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in seals),
        sa.PrimaryKeyConstraint("id", name="pk_audit_chain"),
        sqlite_strict=True,
        sqlite_autoincrement=False,
    )
