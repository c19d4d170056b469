"""The first schema."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_INTEGER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_FLAG: Final = sa.Boolean().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    _users()
    _passwords()
    _clients()
    _sign_ins()
    _codes()
    _sessions()
    _consents()
    _signing_keys()
    _revocations()
    _assertions()
    _events()


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=null)


def _integer(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _INTEGER, nullable=null)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, _FLAG, nullable=False)


def _bytes(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=null)


def _position() -> sa.Column[Any]:
    return sa.Column("position", _INTEGER, autoincrement=True, nullable=False)


def _owner(table: str, owners: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{owners}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")


def _create(name: str, *parts: sa.schema.SchemaItem, feed: bool = False) -> None:
    op.create_table(name, *parts, sqlite_strict=True, sqlite_autoincrement=feed)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _users() -> None:
    _create(
        "users",
        _text("id"),
        _text("email"),
        _text("email_key"),
        _text("name", null=True),
        _flag("email_verified"),
        _integer("created_at"),
        _integer("disabled_at", null=True),
        _flag("is_admin"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )


def _passwords() -> None:
    _create(
        "passwords",
        _text("user_id"),
        _text("hash"),
        _integer("changed_at"),
        _owner("passwords", "users", "user_id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_passwords"),
    )


def _clients() -> None:
    _create(
        "clients",
        _text("id"),
        _text("name"),
        _text("type"),
        _text("token_endpoint_auth_method"),
        _bytes("secret_sha256", null=True),
        _text("jwks", null=True),
        _text("redirect_uris"),
        _text("post_logout_redirect_uris"),
        _text("grant_types"),
        _text("scopes"),
        _text("audiences"),
        _flag("is_first_party"),
        _integer("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_clients"),
    )


def _sign_ins() -> None:
    _create(
        "sign_ins",
        _text("id"),
        _text("user_id"),
        _integer("authenticated_at"),
        _text("methods"),
        _integer("last_seen_at"),
        _integer("expires_at"),
        _integer("ended_at", null=True),
        _owner("sign_ins", "users", "user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
    )
    _index("sign_ins", "expires_at")
    _index("sign_ins", "user_id")


def _codes() -> None:
    _create(
        "codes",
        _text("id"),
        _text("client_id"),
        _text("user_id"),
        _text("sign_in_id"),
        _text("session_id"),
        _text("redirect_uri"),
        _text("code_challenge"),
        _text("scopes"),
        _text("resources"),
        _text("nonce", null=True),
        _integer("authenticated_at"),
        _text("methods"),
        _integer("expires_at"),
        _integer("redeemed_at", null=True),
        _owner("codes", "clients", "client_id"),
        _owner("codes", "users", "user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_codes"),
    )
    _index("codes", "client_id")
    _index("codes", "expires_at")
    _index("codes", "user_id")


def _sessions() -> None:
    _create(
        "sessions",
        _text("id"),
        _text("user_id"),
        _text("client_id"),
        _text("sign_in_id", null=True),
        _text("scopes"),
        _flag("offline"),
        _text("resources"),
        _integer("generation"),
        _integer("authenticated_at"),
        _text("methods"),
        _integer("created_at"),
        _integer("rotated_at"),
        _integer("idle_expires_at"),
        _integer("expires_at"),
        _text("dpop_thumbprint", null=True),
        _integer("ended_at", null=True),
        _text("end_reason", null=True),
        _owner("sessions", "clients", "client_id"),
        _owner("sessions", "users", "user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    _index("sessions", "client_id")
    _index("sessions", "expires_at")
    _index("sessions", "sign_in_id")
    _index("sessions", "user_id")


def _consents() -> None:
    _create(
        "consents",
        _text("user_id"),
        _text("client_id"),
        _text("scopes"),
        _integer("granted_at"),
        _owner("consents", "clients", "client_id"),
        _owner("consents", "users", "user_id"),
        sa.PrimaryKeyConstraint("user_id", "client_id", name="pk_consents"),
    )
    _index("consents", "client_id")


def _signing_keys() -> None:
    _create(
        "signing_keys",
        _text("id"),
        _text("algorithm"),
        _text("public_jwk"),
        _bytes("sealed_private_key"),
        _integer("announced_at"),
        _integer("signing_from"),
        _integer("retiring_from", null=True),
        _integer("gone_from", null=True),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )


def _revocations() -> None:
    _create(
        "revocations",
        _position(),
        _text("kind"),
        _text("value"),
        _integer("issued_before"),
        _integer("created_at"),
        _integer("expires_at"),
        sa.PrimaryKeyConstraint("position", name="pk_revocations"),
        feed=True,
    )
    _index("revocations", "expires_at")
    _index("revocations", "kind", "value")


def _assertions() -> None:
    _create(
        "assertions",
        _text("client_id"),
        _text("jti"),
        _integer("expires_at"),
        sa.PrimaryKeyConstraint("client_id", "jti", name="pk_assertions"),
    )
    _index("assertions", "expires_at")


def _events() -> None:
    _create(
        "events",
        _position(),
        _text("kind"),
        _integer("at"),
        _text("user_id", null=True),
        _text("client_id", null=True),
        _text("session_id", null=True),
        _text("address", null=True),
        _text("detail"),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        feed=True,
    )
