"""Clients and what they prove themselves with, in every store."""

import pytest
from msgspec.structs import replace

from jotary.server.model.changes import (
    AddClient,
    AddCode,
    AddSession,
    DeleteClient,
    PutConsent,
    RememberAssertion,
    ReplaceClient,
)
from jotary.server.model.client import Client
from jotary.server.model.code import AuthorizationCode
from jotary.server.model.consent import Consent
from jotary.server.model.session import Session
from jotary.server.model.user import User
from jotary.server.ports import Conflict
from jotary.server.store import Store

pytestmark = pytest.mark.anyio


async def test_a_client_is_found_by_its_id(store: Store, client: Client) -> None:
    """`Clients.client` gives back what was added."""
    assert await store.client(client.id) == client
    assert await store.client(client.id.upper()) is None


async def test_a_taken_client_id_is_a_conflict(store: Store, client: Client) -> None:
    """`AddClient` is guarded: the client's id must be free."""
    with pytest.raises(Conflict):
        await store.commit(AddClient(replace(client, name="impostor", secret_sha256=bytes(32))))
    assert await store.client(client.id) == client


async def test_replacing_a_client_changes_every_field(store: Store, client: Client, now: int) -> None:
    """`ReplaceClient` writes the whole record."""
    changed = Client(
        id=client.id,
        name="CLI",
        type="native",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [{"kty": "EC", "crv": "P-256"}]},
        redirect_uris=(),
        post_logout_redirect_uris=("https://todo.example.com/",),
        is_first_party=True,
        created_at=now + 1,
    )
    await store.commit(ReplaceClient(changed, client))
    assert await store.client(client.id) == changed


@pytest.mark.parametrize("field", [name for name in Client.__struct_fields__ if name != "id"])
async def test_a_client_that_changed_since_it_was_read_is_not_replaced(
    store: Store, client: Client, field: str
) -> None:
    """`ReplaceClient` is guarded, field by field: a secret that was rotated meanwhile must not be good again."""
    others = {"type": "native", "token_endpoint_auth_method": "none", "jwks": {"keys": []}, "is_first_party": True}
    kinds = {str: "another", bytes: b"another", tuple: ("another",), int: 1}
    other = others.get(field) or kinds[type(getattr(client, field))]
    seen, wish = client, replace(client, name="Wished", redirect_uris=("https://wished.example.com/",))
    for changed in (replace(client, **{field: other}), client):  # back again, too: NULL is a value as any other
        await store.commit(ReplaceClient(changed, seen))
        if changed != client:
            with pytest.raises(Conflict):
                await store.commit(ReplaceClient(wish, client))
            assert await store.client(client.id) == changed
        seen = changed
    await store.commit(ReplaceClient(wish, client))
    assert await store.client(client.id) == wish


async def test_a_client_without_secret_that_got_one_is_not_replaced(store: Store, client: Client) -> None:
    """What is compared is compared with nothing, too."""
    without = replace(client, secret_sha256=None)
    await store.commit(ReplaceClient(without, client))
    await store.commit(ReplaceClient(client, without))
    with pytest.raises(Conflict):
        await store.commit(ReplaceClient(replace(without, name="Wished"), without))


async def test_replacing_no_client_is_a_conflict(store: Store, client: Client) -> None:
    """`ReplaceClient` is guarded: the client must exist."""
    with pytest.raises(Conflict):
        await store.commit(ReplaceClient(replace(client, id="unknown"), client))
    assert await store.client("unknown") is None


async def test_deleting_a_client_takes_all_that_is_its(
    *, store: Store, user: User, client: Client, code: AuthorizationCode, session: Session, now: int
) -> None:
    """`DeleteClient` removes its codes, sessions and consents, and no person."""
    consent = Consent(user_id=user.id, client_id=client.id, scopes=("openid",), granted_at=now)
    await store.commit(AddCode(code), AddSession(session), PutConsent(consent))
    await store.commit(DeleteClient(client.id))
    gone = [
        await store.client(client.id),
        await store.code(code.id),
        await store.session(session.id),
        await store.consent(user.id, client.id),
    ]
    assert gone == [None] * 4
    assert await store.user(user.id) == user
    with pytest.raises(Conflict):
        await store.commit(DeleteClient(client.id))


async def test_clients_are_listed_in_order_of_id(store: Store, client: Client) -> None:
    """`Clients.clients`: all, in order of id."""
    others = [replace(client, id=name) for name in ("zeta", "alpha")]
    await store.commit(*(AddClient(other) for other in others))
    assert [each.id for each in await store.clients()] == ["alpha", client.id, "zeta"]


async def test_an_assertion_is_good_for_one_use_by_one_client(store: Store, now: int) -> None:
    """`RememberAssertion` is guarded: a `jti` that this client has used is a replay (RFC 7523 §3, point 7)."""
    await store.commit(RememberAssertion("todo-web", "jti-1", now + 60))
    with pytest.raises(Conflict):
        await store.commit(RememberAssertion("todo-web", "jti-1", now + 90))
    await store.commit(RememberAssertion("todo-web", "jti-2", now + 60))
    await store.commit(RememberAssertion("other", "jti-1", now + 60))
