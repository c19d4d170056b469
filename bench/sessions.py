"""A store with ten thousand sessions, for what reads and writes one of them."""

import itertools

from jotary.server.model.changes import AddClient, AddSession, AddUser
from jotary.server.model.client import Client
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.store import Store, open_store

AT_ONCE = 64
NOW = 1_750_000_000
_SESSIONS = 10_000
_UNIT = 100  # sessions in a transaction: a database server has a moment for each


async def furnished(url: str) -> Store:
    """A store with all of them."""
    store = await open_store(url)
    user = User(id="user", email="ada@example.com", created_at=NOW)
    client = Client(id="client", name="", type="web", token_endpoint_auth_method="none", created_at=NOW)
    await store.commit(AddUser(user), AddClient(client))
    sessions = (AddSession(_session(number)) for number in range(_SESSIONS))
    while unit := list(itertools.islice(sessions, _UNIT)):
        await store.commit(*unit)
    return store


def read_ids() -> list[str]:
    """Sessions to read, from all over the table."""
    return [session_id(number) for number in range(0, _SESSIONS, _SESSIONS // AT_ONCE)][:AT_ONCE]


def rotated_ids(start: int) -> list[str]:
    """Sessions to rotate."""
    return [session_id(number) for number in range(start, start + AT_ONCE)]


def session_id(number: int) -> str:
    """As long as a real one."""
    return f"session-{number:019}"


def _session(number: int) -> Session:
    return Session(
        id=session_id(number),
        user_id="user",
        client_id="client",
        sign_in_id=None,
        scopes=("openid", "todo:read"),
        resources=("https://todo.example.com",),
        authenticated_at=NOW,
        methods=("pwd",),
        created_at=NOW,
        rotated_at=NOW,
        idle_expires_at=NOW,
        expires_at=NOW,
    )
