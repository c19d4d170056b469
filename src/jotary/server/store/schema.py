"""The tables, as SQLAlchemy Core describes them. `migrations/` builds the same; a test holds the two together.

A tuple or a dict is JSON text; a moment is Unix seconds. Rows that may be dropped carry `expires_at`, which the purge
follows. An index stands only where a query or a cascade needs it: each one is written at every insert.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite holds 64 bits in INTEGER and knows no BIGINT or BOOLEAN in a STRICT table.
Integer = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Flag = sa.Boolean().with_variant(sa.Integer(), "sqlite")
# In the order of code points everywhere. A collation of the system's would sort as its language does, and an update of
# the system would break the indexes.
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JSON = Text


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, Text, nullable=null)


def _integer(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, Integer, nullable=null)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, Flag, nullable=False)


def _json(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, JSON, nullable=null)


def _key(name: str = "id") -> sa.Column[str]:
    return sa.Column(name, Text, primary_key=True)


def _position() -> sa.Column[int]:
    return sa.Column("position", Integer, primary_key=True, autoincrement=True)


def _owned_by(table: str, *, key: bool = False) -> sa.Column[str]:
    """A column `<table>_id` whose row goes when its owner goes."""
    owner = sa.ForeignKey(f"{table}s.id", ondelete="CASCADE")
    return sa.Column(f"{table}_id", Text, owner, primary_key=key, nullable=False)


def _table(name: str, *parts: sa.schema.SchemaItem, feed: bool = False) -> sa.Table:
    # AUTOINCREMENT: a position is never given twice, or a follower would miss an entry.
    return sa.Table(name, metadata, *parts, sqlite_strict=True, sqlite_autoincrement=feed, implicit_returning=False)


users = _table(
    "users",
    _key(),
    _text("email"),
    sa.Column("email_key", Text, nullable=False, unique=True),  # see `model/email_key.py`
    _text("name", null=True),
    _flag("email_verified"),
    _integer("created_at"),
    _integer("disabled_at", null=True),
    _flag("is_admin"),
)

passwords = _table("passwords", _owned_by("user", key=True), _text("hash"), _integer("changed_at"))

clients = _table(
    "clients",
    _key(),
    _text("name"),
    _text("type"),
    _text("token_endpoint_auth_method"),
    sa.Column("secret_sha256", sa.LargeBinary(), nullable=True),
    _json("jwks", null=True),
    _json("redirect_uris"),
    _json("post_logout_redirect_uris"),
    _json("grant_types"),
    _json("scopes"),
    _json("audiences"),
    _flag("is_first_party"),
    _integer("created_at"),
)

sign_ins = _table(
    "sign_ins",
    _key(),
    _owned_by("user"),
    _integer("authenticated_at"),
    _json("methods"),
    _integer("last_seen_at"),
    _integer("expires_at"),
    _integer("ended_at", null=True),
    sa.Index(None, "user_id"),
    sa.Index(None, "expires_at"),
)

# `sign_in_id` is no foreign key here and in sessions: a sign-in is purged before what came from it.
codes = _table(
    "codes",
    _key(),
    _owned_by("client"),
    _owned_by("user"),
    _text("sign_in_id"),
    _text("session_id"),
    _text("redirect_uri"),
    _text("code_challenge"),
    _json("scopes"),
    _json("resources"),
    _text("nonce", null=True),
    _integer("authenticated_at"),
    _json("methods"),
    _integer("expires_at"),
    _integer("redeemed_at", null=True),
    sa.Index(None, "client_id"),
    sa.Index(None, "user_id"),
    sa.Index(None, "expires_at"),
)

sessions = _table(
    "sessions",
    _key(),
    _owned_by("user"),
    _owned_by("client"),
    _text("sign_in_id", null=True),
    _json("scopes"),
    _flag("offline"),  # whether `scopes` holds offline_access: such a session outlives its sign-in
    _json("resources"),
    _integer("generation"),
    _integer("authenticated_at"),
    _json("methods"),
    _integer("created_at"),
    _integer("rotated_at"),
    _integer("idle_expires_at"),
    _integer("expires_at"),
    _text("dpop_thumbprint", null=True),
    _integer("ended_at", null=True),
    _text("end_reason", null=True),
    sa.Index(None, "user_id"),
    sa.Index(None, "client_id"),
    sa.Index(None, "sign_in_id"),
    sa.Index(None, "expires_at"),
)

consents = _table(
    "consents",
    _owned_by("user", key=True),
    _owned_by("client", key=True),
    _json("scopes"),
    _integer("granted_at"),
    # An earlier version that still runs does not write it: what people allow there is asked again.
    sa.Column("resources", JSON, nullable=False, server_default="{}"),
    sa.Index(None, "client_id"),
)

signing_keys = _table(
    "signing_keys",
    _key(),
    _text("algorithm"),
    _json("public_jwk"),
    sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
    _integer("announced_at"),
    _integer("signing_from"),
    _integer("retiring_from", null=True),
    _integer("gone_from", null=True),
    sa.Column("stamp", sa.LargeBinary(), nullable=False),
)

revocations = _table(
    "revocations",
    _position(),
    _text("kind"),
    _text("value"),
    _integer("issued_before"),
    _integer("created_at"),
    _integer("expires_at"),
    sa.Index(None, "kind", "value"),
    sa.Index(None, "expires_at"),
    feed=True,
)

assertions = _table(
    "assertions",
    _key("client_id"),
    _key("jti"),
    _integer("expires_at"),
    sa.Index(None, "expires_at"),
)

# Written at every attempt: one number, and no more.
allowances = _table("allowances", _key(), _integer("restored_at"), sa.Index(None, "restored_at"))

events = _table(
    "events",
    _position(),
    _text("kind"),
    _integer("at"),
    _text("user_id", null=True),
    _text("client_id", null=True),
    _text("session_id", null=True),
    _text("address", null=True),
    _text("actor", null=True),
    _text("request_id", null=True),
    _json("detail"),
    sa.Column("seal", sa.LargeBinary(), nullable=True),  # written later, by the sealer
    feed=True,
)

audit_chain = _table(
    "audit_chain",
    _key(),
    _integer("begun_at"),
    _integer("anchor_position"),
    _integer("anchor_count"),
    sa.Column("anchor_seal", sa.LargeBinary(), nullable=False),
    _integer("head_position"),
    _integer("head_count"),
    sa.Column("head_seal", sa.LargeBinary(), nullable=False),
    _integer("sealed_at"),
    sa.Column("stamp", sa.LargeBinary(), nullable=False),
)
