"""Changing a registered client."""

import asyncio
from typing import Any

import msgspec
import pytest

from jotary.jose import Key
from jotary.oauth.secret import Secret
from jotary.server.flows.administration.client_secret import rotate_client_secret
from jotary.server.flows.administration.create_client import NewClient, create_client
from jotary.server.flows.administration.refusal import AdministrationError
from jotary.server.flows.administration.update_client import Amendment, changes_of, decide, update_client
from jotary.server.model.client import Client
from jotary.server.store import Store

ENTROPY = bytes(range(32))
CALLBACK = "https://app.example.com/callback"
TODO = "https://todo.example.com"
CALENDAR = "https://calendar.example.com"
KEY, NEXT_KEY = Key.generate("ES256", kid="old"), Key.generate("ES256", kid="new")
CLIENT = Client(
    id="app",
    name="App",
    type="web",
    token_endpoint_auth_method="client_secret_basic",
    secret_sha256=Secret("old").sha256(),
    redirect_uris=(CALLBACK,),
    grant_types=("authorization_code", "refresh_token"),
    scopes=("openid", "profile", "email", "todo:read"),
    audiences=(TODO, CALENDAR),
    created_at=1_800_000_000,
)
WITH_KEY = msgspec.structs.replace(
    CLIENT, token_endpoint_auth_method="private_key_jwt", secret_sha256=None, jwks={"keys": [KEY.to_jwk()]}
)
NATIVE = msgspec.structs.replace(CLIENT, type="native", token_endpoint_auth_method="none", secret_sha256=None)
SERVICE = msgspec.structs.replace(
    CLIENT, type="service", redirect_uris=(), scopes=("todo:read",), grant_types=("client_credentials",)
)


def amended(client: Client = CLIENT, *audiences: str, **wishes: Any) -> Client:
    """What becomes of a client."""
    return decide(client, Amendment(**wishes), audiences=audiences, entropy=ENTROPY).client


def detail(client: Client, **wishes: Any) -> Any:
    """What the trail says of a change, as it is stored."""
    _, added = changes_of(client, amended(client, **wishes), 0)
    event = msgspec.structs.asdict(added)["event"]
    assert (event.kind, event.client_id) == ("client.updated", client.id)
    return msgspec.json.decode(msgspec.json.encode(event.detail))["changed"]


@pytest.mark.parametrize("client", [CLIENT, WITH_KEY, NATIVE, SERVICE], ids=["web", "with-key", "native", "service"])
def test_what_is_not_named_stays(client: Client) -> None:
    """The secret, too; where nothing changes nothing is written."""
    assert amended(client) == client
    assert changes_of(client, amended(client), 0) == ()
    assert amended(client, name="Other") == msgspec.structs.replace(client, name="Other")


def test_lists_lose_first_and_then_get() -> None:
    """So that an audience moves to the end, and the next one is the default; what is there is not there twice."""
    other = "https://app.example.com/other"
    assert amended(add={"redirect_uris": (other, CALLBACK)}).redirect_uris == (CALLBACK, other)
    assert amended(remove={"redirect_uris": (CALLBACK,)}, add={"redirect_uris": (other,)}).redirect_uris == (other,)
    moved = amended(remove={"audiences": (TODO,)}, add={"audiences": (TODO,)})
    assert moved.audiences == (CALENDAR, TODO)
    assert amended(remove={"scopes": ("email",)}, add={"scopes": ("todo:write",)}).scopes == (
        *("openid", "profile", "todo:read", "todo:write"),
    )


def test_no_right_comes_by_the_way() -> None:
    """A client that has less than its type brings today, as after a restore, does not get it for a new name."""
    less = msgspec.structs.replace(CLIENT, scopes=("openid",), grant_types=("authorization_code",))
    assert amended(less, name="Other") == msgspec.structs.replace(less, name="Other")


@pytest.mark.parametrize(
    ("client", "wishes", "says"),
    [
        (CLIENT, {"name": ""}, "the name is empty"),
        (CLIENT, {"name": "App\u202eppa"}, "not printable"),
        (CLIENT, {"remove": {"redirect_uris": (CALLBACK,)}}, "a web client needs a redirect URI"),
        (CLIENT, {"add": {"redirect_uris": ("http://app.example.com/",)}}, "the redirect URI may not"),
        (CLIENT, {"add": {"post_logout_redirect_uris": ("javascript:alert(1)",)}}, "the redirect URI may not"),
        (CLIENT, {"add": {"scopes": ('a"b',)}}, "the scope is malformed"),
        (CLIENT, {"add": {"audiences": ("todo",)}}, "the resource is not an absolute URI"),
        (CLIENT, {"remove": {"scopes": ("todo:write",)}}, "app has no scope todo:write"),
        (CLIENT, {"remove": {"redirect_uris": (f"{CALLBACK}/",)}}, "app has no redirect URI"),
        (CLIENT, {"token_endpoint_auth_method": "private_key_jwt"}, "public keys and private_key_jwt belong together"),
        (CLIENT, {"jwks": {"keys": [KEY.to_jwk()]}}, "public keys and private_key_jwt belong together"),
        (WITH_KEY, {"jwks": {"keys": [KEY.to_jwk(private=True)]}}, "cannot be used"),
        (WITH_KEY, {"jwks": {"keys": []}}, "the JWK Set is empty"),
        (CLIENT, {"token_endpoint_auth_method": "none"}, "app is confidential and stays so"),
        (WITH_KEY, {"token_endpoint_auth_method": "none"}, "app is confidential and stays so"),
        (NATIVE, {"token_endpoint_auth_method": "client_secret_basic"}, "app is public and stays so"),
        (SERVICE, {"add": {"redirect_uris": (CALLBACK,)}}, "nobody signs in through a service"),
        (SERVICE, {"is_first_party": True}, "nobody signs in through a service"),
        (SERVICE, {"add": {"scopes": ("openid",)}}, "a service acts for itself"),
    ],
)
def test_what_could_not_be_registered_cannot_come_of_it(client: Client, wishes: dict[str, Any], says: str) -> None:
    """The rules of `create_client`, and that a client stays public or confidential (RFC 6749 §2.1)."""
    with pytest.raises(AdministrationError) as refused:
        amended(client, **wishes)
    assert says in refused.value.problem
    assert refused.value.hint


def test_an_api_that_there_is_not_may_not_be_added() -> None:
    """The setting audiences; one that has gone since is removed in the same breath."""
    with pytest.raises(AdministrationError, match=f"there is no API {CALENDAR}"):
        amended(CLIENT, TODO, name="Other")
    assert amended(CLIENT, TODO, name="Other", remove={"audiences": (CALENDAR,)}).audiences == (TODO,)


def test_a_secret_is_made_only_where_there_was_none() -> None:
    """Basic and post share one; with a key there is none, and none comes back."""
    post = decide(CLIENT, Amendment(token_endpoint_auth_method="client_secret_post"), audiences=(), entropy=ENTROPY)
    assert (post.secret, post.client.secret_sha256) == (None, CLIENT.secret_sha256)
    wish = Amendment(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [KEY.to_jwk()]})
    by_key = decide(CLIENT, wish, audiences=(), entropy=ENTROPY)
    assert by_key == msgspec.structs.replace(by_key, client=WITH_KEY, secret=None)
    back = decide(WITH_KEY, Amendment(token_endpoint_auth_method="client_secret_basic"), audiences=(), entropy=ENTROPY)
    assert back.secret is not None
    assert back.client.secret_sha256 == back.secret.sha256()
    assert back.client.jwks is None


def test_the_trail_says_what_changed_and_no_secret() -> None:
    """From what to what; keys by their thumbprints (RFC 7638)."""
    assert detail(CLIENT, name="Other", is_first_party=True) == {
        "name": {"from": "App", "to": "Other"},
        "is_first_party": {"from": False, "to": True},
    }
    assert detail(CLIENT, remove={"audiences": (TODO,)}) == {"audiences": {"from": [TODO, CALENDAR], "to": [CALENDAR]}}
    assert detail(WITH_KEY, jwks={"keys": [NEXT_KEY.to_jwk()]}) == {
        "jwks": {"from": [KEY.thumbprint()], "to": [NEXT_KEY.thumbprint()]}
    }
    assert detail(WITH_KEY, token_endpoint_auth_method="client_secret_basic") == {
        "token_endpoint_auth_method": {"from": "private_key_jwt", "to": "client_secret_basic"},
        "jwks": {"from": [KEY.thumbprint()], "to": []},
    }


def update(office: Any, **wishes: Any) -> Client:
    """Change the client of the office."""
    updated = office.run(
        update_client(
            "app", Amendment(**wishes), store=office.store, audiences=(), entropy=office.entropy, now=office.now
        )
    )
    client: Client = updated.client
    return client


@pytest.fixture
def secret(office: Any) -> Secret:
    """That of a client which was registered just now."""
    new = NewClient(id="app", type="web", redirect_uris=(CALLBACK,))
    registered = office.run(
        create_client(new, store=office.store, audiences=(), entropy=office.entropy, now=office.now)
    )
    made: Secret = registered.secret
    return made


def test_the_client_is_changed_with_one_event(office: Any, secret: Secret) -> None:
    """And with none where nothing changes."""
    for _ in range(2):
        assert update(office, name="Other").name == "Other"
    assert office.run(office.store.client("app")).name == "Other"
    assert secret.matches_sha256(office.run(office.store.client("app")).secret_sha256)
    assert [event.kind for event in office.trail()] == ["client.created", "client.updated"]
    with pytest.raises(AdministrationError, match="there is no client"):
        office.run(
            update_client("ap", Amendment(), store=office.store, audiences=(), entropy=office.entropy, now=office.now)
        )


class _Overtaken:
    """A store in which somebody else is first, once."""

    def __init__(self, office: Any) -> None:
        self._office = office
        self._store: Store = office.store
        self.rotated: Secret | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def client(self, client_id: str) -> Client | None:
        """Read, and then somebody rotates the secret."""
        found = await self._store.client(client_id)
        if self.rotated is None:
            office = self._office
            self.rotated = await rotate_client_secret(
                client_id, store=self._store, entropy=office.entropy, now=office.now
            )
        return found


def test_a_secret_that_was_rotated_meanwhile_stays_so(office: Any, secret: Secret) -> None:
    """The one that somebody had seen must not be good again."""
    store = _Overtaken(office)
    office.run(
        update_client("app", Amendment(name="Other"), store=store, audiences=(), entropy=office.entropy, now=office.now)
    )
    client = office.run(office.store.client("app"))
    assert store.rotated is not None
    assert store.rotated.matches_sha256(client.secret_sha256)
    assert not secret.matches_sha256(client.secret_sha256)
    assert client.name == "Other"


def test_two_who_add_at_once_both_have_added(office: Any, secret: Secret) -> None:
    """None is lost."""
    uris = [f"https://app.example.com/{number}" for number in range(3)]

    async def together() -> None:
        await asyncio.gather(
            *(
                update_client(
                    "app",
                    Amendment(add={"redirect_uris": (uri,)}),
                    store=office.store,
                    audiences=(),
                    entropy=office.entropy,
                    now=office.now,
                )
                for uri in uris
            )
        )

    office.run(together())
    assert secret.matches_sha256(office.run(office.store.client("app")).secret_sha256)
    assert set(office.run(office.store.client("app")).redirect_uris) == {CALLBACK, *uris}
