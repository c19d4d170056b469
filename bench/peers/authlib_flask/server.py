"""Authlib's authorization server on Flask as a peer: SQLAlchemy on SQLite that is durable, ES256 access tokens.

Run as `python server.py CLIENT_SECRET SESSIONS` it makes the database and prints one line of JSON,
`{"version", "refresh_tokens"}`; a WSGI server calls `create_app`.
"""

import importlib.metadata
import json
import os
import secrets
import sys
import time
from typing import Any

import sqlalchemy as sa
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response
from joserfc.jwk import ECKey
from sqlalchemy import orm

SCOPE = os.environ["PEER_SCOPE"]
ENGINE = sa.create_engine(f"sqlite:///{os.environ['PEER_DATABASE']}", connect_args={"timeout": 30})
SESSION = orm.scoped_session(orm.sessionmaker(ENGINE))


class Model(orm.DeclarativeBase):
    """Of all tables."""


class User(Model):
    """A person."""

    __tablename__ = "users"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

    def get_user_id(self) -> int:
        """Their `sub`."""
        return self.id


class Client(Model, OAuth2ClientMixin):  # type: ignore[misc]  # untyped in Authlib
    """A client."""

    __tablename__ = "clients"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Token(Model, OAuth2TokenMixin):  # type: ignore[misc]  # untyped in Authlib
    """A token."""

    __tablename__ = "tokens"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    user_id: orm.Mapped[int | None] = orm.mapped_column()


class RefreshTokenGrant(grants.RefreshTokenGrant):  # type: ignore[misc]  # untyped in Authlib
    """With rotation."""

    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """As Authlib asks for."""
        token = SESSION.query(Token).filter_by(refresh_token=refresh_token).first()
        return token if token is not None and not token.refresh_token_revoked_at else None

    def authenticate_user(self, credential: Token) -> User | None:
        """As Authlib asks for."""
        return SESSION.get(User, credential.user_id)

    def revoke_old_credential(self, credential: Token) -> None:
        """As Authlib asks for."""
        credential.refresh_token_revoked_at = int(time.time())
        SESSION.commit()


class AccessTokens(JWTBearerTokenGenerator):  # type: ignore[misc]  # untyped in Authlib
    """RFC 9068, ES256."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer, alg="ES256", refresh_token_generator=lambda **_: secrets.token_urlsafe(32))
        self._key = ECKey.generate_key("P-256")

    def get_jwks(self) -> ECKey:
        """The one key."""
        return self._key

    def get_audiences(self, client: Any, user: Any, scope: Any) -> str:  # noqa: ARG002 -- as Authlib asks for
        """The one API."""
        return os.environ["PEER_AUDIENCE"]


@sa.event.listens_for(ENGINE, "connect")
def _durable(connection: Any, _: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def create_app() -> Flask:
    """The WSGI application."""
    app = Flask(__name__)
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": 300, "refresh_token": 300}
    server = AuthorizationServer(
        app, query_client=create_query_client_func(SESSION, Client), save_token=create_save_token_func(SESSION, Token)
    )
    server.register_grant(grants.ClientCredentialsGrant)
    server.register_grant(RefreshTokenGrant)
    server.register_token_generator("default", AccessTokens(os.environ["PEER_ISSUER"]))
    app.add_url_rule("/token", "token", server.create_token_response, methods=["POST"])
    app.add_url_rule("/.well-known/openid-configuration", "discovery", lambda: Response("{}"))
    app.teardown_appcontext(lambda _: SESSION.remove())
    return app


def furnish(client_secret: str, sessions: int) -> None:
    """Make the database."""
    Model.metadata.create_all(ENGINE)
    for client_id, grant in (("service", "client_credentials"), ("web", "refresh_token")):
        client = Client(client_id=client_id, client_secret=client_secret)
        client.set_client_metadata(
            {"grant_types": [grant], "scope": SCOPE, "token_endpoint_auth_method": "client_secret_basic"}
        )
        SESSION.add(client)
    tokens = [secrets.token_urlsafe(32) for _ in range(sessions)]
    for number, token in enumerate(tokens, start=1):
        SESSION.add(User(id=number))
        issued = {"access_token": secrets.token_urlsafe(32), "token_type": "Bearer", "expires_in": 300}
        SESSION.add(Token(client_id="web", user_id=number, refresh_token=token, scope=SCOPE, **issued))
    SESSION.commit()
    print(json.dumps({"version": importlib.metadata.version("Authlib"), "refresh_tokens": tokens}))


if __name__ == "__main__":
    furnish(sys.argv[1], int(sys.argv[2]))
