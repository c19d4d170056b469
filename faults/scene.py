"""A database with a client, a person, and as many sessions and codes as a fault needs, made without a browser."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from faults.client import post
from jotary.jose import base64url
from jotary.oauth import pkce
from jotary.oauth.secret import Secret
from jotary.server.flows import endpoints
from jotary.server.keyring import derive_key
from jotary.server.model.changes import AddClient, AddCode, AddSession, AddSignIn, AddUser, Change
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.identifier import IDENTIFIER_ENTROPY, new_identifier
from jotary.server.model.refresh_token import RefreshTokens
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.settings import load
from jotary.server.store import open_store, schema
from jotary.server.store.backends import backend
from jotary.server.store.migrations import upgrade

AUDIENCE = "https://api.example.com"
CLIENT = "web"
REDIRECT_URI = "https://app.example.com/callback"
SCOPE = "todo:read"
USER = "person"
_DAY = 86_400
_VERIFIER = "v" * 43  # RFC 7636 §4.1
_SIGN_IN = "sign-in"


class Scene:
    """Where the servers of one fault keep everything, and what is known to their client.

    Args:
        folder: for the database.
        issuer: of the servers.
        settings: further ones, as environment variables.
        database: the URL of another one than a SQLite file in the folder; there is nothing in it yet.
    """

    def __init__(self, folder: Path, issuer: str, settings: dict[str, str], *, database: str = "") -> None:
        self.folder, self.issuer = folder, issuer
        self._database = database or f"sqlite:///{folder / 'jotary.db'}"
        secret = secrets.token_urlsafe(32)
        self.client_secret = secrets.token_urlsafe(32)
        self.environment = {
            "JOTARY_ISSUER": issuer,
            "JOTARY_DATABASE": self._database,
            "JOTARY_SECRET": secret,
            "JOTARY_LOG_LEVEL": "error",
            "JOTARY_LOG_FORMAT": "json",
            **settings,
        }
        self.settings = load(environ=self.environment, folder=folder).settings
        self._refresh_tokens = RefreshTokens(derive_key(self.settings.secret, "refresh-token"))
        now = int(time.time())
        sign_in = SignIn(
            id=_SIGN_IN, user_id=USER, authenticated_at=now, methods=("pwd",), last_seen_at=now, expires_at=now + _DAY
        )
        if not database:
            (folder / "jotary.db").write_bytes(_empty_database())
        self.add(
            AddClient(self._client(now)),
            AddUser(User(id=USER, email="person@example.com", created_at=now)),
            AddSignIn(sign_in),
        )

    def _client(self, now: int) -> Client:
        return Client(
            id=CLIENT,
            name=CLIENT,
            type="web",
            token_endpoint_auth_method="client_secret_basic",
            secret_sha256=Secret(self.client_secret).sha256(),
            redirect_uris=(REDIRECT_URI,),
            grant_types=("authorization_code", "refresh_token", "client_credentials"),
            scopes=(SCOPE,),
            audiences=(AUDIENCE,),
            created_at=now,
        )

    def add(self, *changes: Change) -> None:
        """Write changes beside the servers."""

        async def write() -> None:
            store = await open_store(self.settings.database)
            try:
                await store.commit(*changes)
            finally:
                await store.close()

        asyncio.run(write())

    def add_sessions(self, count: int) -> list[str]:
        """Open so many sessions; return the first refresh token of each."""
        sessions = [_session(int(time.time())) for _ in range(count)]
        self.add(*map(AddSession, sessions))
        return [self.refresh_token(session.id, 0) for session in sessions]

    def add_codes(self, count: int, *, lifetime: int = _DAY) -> list[str]:
        """Issue so many authorization codes, good for so many seconds; return them."""
        codes = [secrets.token_urlsafe(32) for _ in range(count)]
        now = int(time.time())
        self.add(*(AddCode(_code(code, now, lifetime)) for code in codes))
        return codes

    def refresh_token(self, session_id: str, generation: int) -> str:
        """The refresh token of a generation."""
        return self._refresh_tokens.mint(session_id, generation)

    def generation(self, refresh_token: str) -> tuple[str, int]:
        """Which session a refresh token is of, and which of its tokens it is."""
        token = self._refresh_tokens.parse(refresh_token)
        assert token is not None, "the server answered with a token that it did not mint"
        return token.session_id, token.generation

    def refresh(self, refresh_token: str) -> bytes:
        """The request that trades a refresh token (RFC 6749 §6)."""
        return self.post(endpoints.TOKEN, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    def redeem(self, code: str) -> bytes:
        """The request that redeems a code (RFC 6749 §4.1.3)."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return self.post(endpoints.TOKEN, {**form, "code_verifier": _VERIFIER})

    def revoke(self, refresh_token: str) -> bytes:
        """The request that gives a token back (RFC 7009 §2.1)."""
        return self.post(endpoints.REVOCATION, {"token": refresh_token})

    def post(self, path: str, form: dict[str, str]) -> bytes:
        """A request of the client."""
        return post(path, form, client_id=CLIENT, client_secret=self.client_secret)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of the database as they are now. For PostgreSQL, no event loop may run in this thread."""
        rows: list[tuple[object, ...]] = []
        backend(self._database).read_snapshot(
            self._database, lambda connection: rows.extend(map(tuple, connection.execute(sa.text(sql))))
        )
        return rows

    def forget(self) -> None:
        """Drop all sessions and codes; as `query`."""

        def empty(connection: sa.Connection) -> None:
            for table in (schema.sessions, schema.codes):
                connection.execute(sa.delete(table))

        backend(self._database).change_schema(self._database, empty)

    def generations(self) -> dict[str, int]:
        """Where each session stands that has not been ended."""
        rows = self.query("SELECT id, generation FROM sessions WHERE ended_at IS NULL")
        return {str(session_id): int(str(generation)) for session_id, generation in rows}


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for one fault, which goes with it."""
    with TemporaryDirectory(prefix="jotary-fault-") as path:
        yield Path(path)


@cache
def _empty_database() -> bytes:
    """The schema takes longer to make than to copy."""
    with folder() as place:
        upgrade(f"sqlite:///{place / 'empty.db'}")
        return (place / "empty.db").read_bytes()


def _session(now: int) -> Session:
    return Session(
        id=new_identifier(now, secrets.token_bytes(IDENTIFIER_ENTROPY)),
        user_id=USER,
        client_id=CLIENT,
        sign_in_id=None,
        scopes=(SCOPE,),
        resources=(AUDIENCE,),
        authenticated_at=now,
        methods=("pwd",),
        created_at=now,
        rotated_at=now,
        idle_expires_at=now + 14 * _DAY,
        expires_at=now + 90 * _DAY,
    )


def _code(code: str, now: int, lifetime: int) -> AuthorizationCode:
    return AuthorizationCode(
        id=base64url.encode(Secret(code).sha256()),
        client_id=CLIENT,
        user_id=USER,
        sign_in_id=_SIGN_IN,
        session_id=new_identifier(now, secrets.token_bytes(IDENTIFIER_ENTROPY)),
        redirect_uri=REDIRECT_URI,
        code_challenge=pkce.challenge(_VERIFIER),
        scopes=(SCOPE,),
        resources=(AUDIENCE,),
        nonce=None,
        authenticated_at=now,
        methods=("pwd",),
        expires_at=now + lifetime,
    )
