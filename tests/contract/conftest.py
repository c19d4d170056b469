"""What every store is tested with: one of each database, and one of each record."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jotary.server.model.changes import AddClient, AddSignIn, AddUser
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.session import Session
from jotary.server.model.sign_in import SignIn
from jotary.server.model.user import User
from jotary.server.store import Store, open_store
from jotary.server.store.migrations import upgrade

NOW = 1_750_000_000


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema, made once: running the migrations takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "jotary.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A SQLite file with the schema and nothing in it."""
    path = tmp_path / "jotary.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind that jotary knows, with the schema and nothing in it."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def empty_store(anyio_backend: str, database_url: str) -> AsyncIterator[Store]:
    """A store with its schema and nothing in it."""
    store = await open_store(database_url)
    yield store
    await store.close()


@pytest.fixture
async def store(empty_store: Store, user: User, client: Client, sign_in: SignIn) -> Store:
    """A store in which `user` has signed in as `sign_in`, and `client` is registered."""
    await empty_store.commit(AddUser(user), AddClient(client), AddSignIn(sign_in))
    return empty_store


@pytest.fixture
def now() -> int:
    """The moment at which everything is made, in Unix seconds."""
    return NOW


@pytest.fixture
def user() -> User:
    """A person."""
    return User(id="user-1", email="Ada@Example.com", name="Ada", created_at=NOW)


@pytest.fixture
def client() -> Client:
    """A web client with a secret."""
    return Client(
        id="todo-web",
        name="ToDo",
        type="web",
        token_endpoint_auth_method="client_secret_basic",
        secret_sha256=bytes(range(32)),
        redirect_uris=("https://todo.example.com/auth/callback",),
        grant_types=("authorization_code", "refresh_token"),
        scopes=("openid", "offline_access", "todo:read"),
        audiences=("https://api.todo.example.com",),
        created_at=NOW,
    )


@pytest.fixture
def sign_in(user: User) -> SignIn:
    """A browser in which `user` is signed in."""
    return SignIn(
        id="sign-in-1",
        user_id=user.id,
        authenticated_at=NOW,
        methods=("pwd",),
        last_seen_at=NOW,
        expires_at=NOW + 86_400,
    )


@pytest.fixture
def session(user: User, client: Client, sign_in: SignIn) -> Session:
    """A session of `client` for `user`, at generation 0, that ends with its sign-in."""
    return Session(
        id="session-1",
        user_id=user.id,
        client_id=client.id,
        sign_in_id=sign_in.id,
        scopes=("openid", "todo:read"),
        resources=client.audiences,
        authenticated_at=NOW,
        methods=sign_in.methods,
        created_at=NOW,
        rotated_at=NOW,
        idle_expires_at=NOW + 1000,
        expires_at=NOW + 9000,
    )


@pytest.fixture
def code(user: User, client: Client, sign_in: SignIn) -> AuthorizationCode:
    """A code that has not been redeemed."""
    return AuthorizationCode(
        id="code-1",
        client_id=client.id,
        user_id=user.id,
        sign_in_id=sign_in.id,
        session_id="session-1",
        redirect_uri=client.redirect_uris[0],
        code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        scopes=("openid",),
        resources=client.audiences,
        nonce="n-0S6_WzA2Mj",
        authenticated_at=NOW,
        methods=sign_in.methods,
        expires_at=NOW + 60,
    )
