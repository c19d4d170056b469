"""One issuer as a client sees it, where the sessions of browsers do not already test it."""

from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2
import pytest

from jotary.client.client_authentication import Credentials, PrivateKeyJWT, PublicClient, SecretBasic, SecretPost
from jotary.client.errors import IssuerError, ProtocolError, UnavailableError
from jotary.client.provider import Provider
from jotary.client.refresh import Refreshed, SignedOut, Unavailable
from jotary.client.token_endpoint import TokenSet
from jotary.client.transport import IssuerTransport
from jotary.jose import Key, jwt
from jotary.oauth.secret import Secret
from jotary.testing import FrozenClock

if TYPE_CHECKING:
    from tests.unit.client.conftest import Network, SmallIssuer

pytestmark = pytest.mark.anyio

PUBLIC = PublicClient("todo-web")


class World(NamedTuple):
    """What a provider talks to."""

    network: "Network"
    issuer: "SmallIssuer"
    clock: FrozenClock


@pytest.fixture
def world(network: "Network", issuer: "SmallIssuer", clock: FrozenClock) -> World:
    """The small issuer on its network."""
    return World(network, issuer, clock)


async def no_sleep(_seconds: float) -> None:
    """Retry at once."""


def provider(world: World, credentials: Credentials = PUBLIC) -> Provider:
    """The small issuer, with credentials at it."""
    counter = iter(range(256))
    return Provider(
        issuer="https://id.example",
        credentials=credentials,
        transport=IssuerTransport(network=world.network, sleep=no_sleep),
        clock=world.clock,
        entropy=lambda size: bytes([next(counter)]) * size,
    )


async def redeem(world: World, one: Provider) -> TokenSet:
    """Sign in."""
    request = await one.authorization_request(redirect_uri="https://app.example/cb", scopes=["openid"])
    answer = await world.network.handle_async_request(httpx2.Request("GET", request.url))
    code = Secret(httpx2.URL(answer.headers["location"]).params["code"])
    tokens, id_token = await one.redeem(
        code, redirect_uri=request.redirect_uri, code_verifier=request.code_verifier, nonce=request.nonce
    )
    assert id_token.subject == "person-1"
    return tokens


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        (PublicClient("todo-web"), {"client_id": "todo-web"}),
        (SecretPost("todo-web", Secret("s")), {"client_id": "todo-web", "client_secret": "s"}),
        (SecretBasic("todo-web", Secret("s")), {"authorization": "Basic dG9kby13ZWI6cw=="}),
    ],
)
async def test_every_request_is_authenticated(world: World, credentials: Credentials, sent: dict[str, str]) -> None:
    """RFC 6749 §2.3, §3.2.1: at redemption, refresh and revocation."""
    one = provider(world, credentials)
    tokens = await redeem(world, one)
    await one.refresh(tokens, subject="person-1")
    assert len(world.issuer.sent) == 2
    for form in world.issuer.sent:
        assert form.items() >= sent.items()


async def test_an_assertion_is_made_anew_for_each_attempt(world: World) -> None:
    """RFC 7523 §3, point 7: the server refuses a jti that it has seen, and a retry must not look like a replay."""
    key = Key.generate("ES256")
    one = provider(world, PrivateKeyJWT("todo-web", key))
    tokens = await redeem(world, one)
    world.network.lose_answers("https://id.example/token", 2)
    await one.refresh(tokens, subject="person-1")
    assertions = [form["client_assertion"] for form in world.issuer.sent[1:]]
    claims = [jwt.verify(one, key.public(), algorithms={"ES256"}, typ="JWT").claims for one in assertions]
    assert len({claim["jti"] for claim in claims}) == 3
    assert {claim["aud"] for claim in claims} == {"https://id.example"}


async def test_a_refresh_has_three_outcomes(world: World) -> None:
    """Something newer, the end, or nobody knows."""
    one = provider(world)
    tokens = await redeem(world, one)
    refreshed = await one.refresh(tokens, subject="person-1")
    assert isinstance(refreshed, Refreshed)
    assert refreshed.value.access_token.reveal() == world.issuer.issued[3]
    world.network.fail("https://id.example/token", 503, 503, 503)
    assert isinstance(await one.refresh(tokens, subject="person-1"), Unavailable)
    world.clock.advance(60)
    assert isinstance(await one.refresh(tokens, subject="person-1"), SignedOut)


async def test_a_slow_answer_does_not_make_a_token_seem_younger(world: World) -> None:
    """The lifetime counts from when the request was sent."""
    one = provider(world)
    tokens = await redeem(world, one)

    async def take_its_time() -> None:
        world.clock.advance(7)

    world.network.meanwhile("https://id.example/token", take_its_time)
    sent_at = world.clock()
    refreshed = await one.refresh(tokens, subject="person-1")
    assert isinstance(refreshed, Refreshed)
    assert refreshed.value.obtained_at == sent_at


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"exp": 1},
        {"iat": None},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"sub": "eve"},
    ],
    ids=lambda claims: next(iter(claims)),
)
async def test_a_refresh_that_brings_a_wrong_id_token_ends_the_session_at_the_issuer_too(
    world: World, claims: dict[str, Any]
) -> None:
    """OIDC Core §12.2: the tokens beside it may be somebody else's; they are given back and not kept."""
    one = provider(world)
    tokens = await redeem(world, one)
    world.issuer.claims = claims
    assert isinstance(await one.refresh(tokens, subject="person-1"), SignedOut)
    assert not world.issuer.is_good(tokens.access_token.reveal())


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
async def test_a_clock_that_is_wrong_here_ends_no_session(world: World, seconds: int) -> None:
    """OIDC Core §12.2: after a refresh the ID token is as old as the answer, whatever the time is here."""
    one = provider(world)
    tokens = await redeem(world, one)
    world.issuer.clock = FrozenClock(world.clock())
    world.clock.advance(seconds)
    refreshed = await one.refresh(tokens, subject="person-1")
    assert isinstance(refreshed, Refreshed)
    assert world.issuer.is_good(refreshed.value.access_token.reveal())


async def test_a_session_without_a_refresh_token_ends_with_its_access_token(world: World) -> None:
    """RFC 6749 §1.5: an issuer need not give one; nothing is asked then."""
    one = provider(world)
    world.issuer.answer["refresh_token"] = None
    tokens = await redeem(world, one)
    before = len(world.issuer.sent)
    assert isinstance(await one.refresh(tokens, subject="person-1"), SignedOut)
    assert len(world.issuer.sent) == before


async def test_a_refresh_without_an_id_token_keeps_the_old_one(world: World) -> None:
    """OIDC Core §12.2: it need not come."""
    one = provider(world)
    tokens = await redeem(world, one)
    world.issuer.answer["id_token"] = None
    refreshed = await one.refresh(tokens, subject="person-1")
    assert isinstance(refreshed, Refreshed)
    assert refreshed.value.id_token is tokens.id_token


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "application/at+jwt"])
async def test_another_kind_of_token_is_no_id_token(world: World, typ: str) -> None:
    """RFC 8725 §3.11: even with all the right claims."""
    one = provider(world)
    good = jwt.sign
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwt, "sign", lambda claims, key, **_typ: good(claims, key, typ=typ))
        with pytest.raises(ProtocolError, match="typ"):
            await redeem(world, one)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/jwt"])
async def test_the_type_of_an_id_token_is_read_as_a_media_type(world: World, typ: str) -> None:
    """RFC 7515 §4.1.9."""
    one = provider(world)
    good = jwt.sign
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwt, "sign", lambda claims, key, **_typ: good(claims, key, typ=typ))
        assert (await redeem(world, one)).id_token is not None


async def test_an_algorithm_that_the_issuer_does_not_name_is_refused(world: World) -> None:
    """OIDC Discovery §3: id_token_signing_alg_values_supported is taken at its word."""
    world.issuer.metadata["id_token_signing_alg_values_supported"] = ["RS256"]
    with pytest.raises(ProtocolError, match="algorithm"):
        await redeem(world, provider(world))


@pytest.mark.parametrize("announced", [None, ["Ed25519"]])
async def test_an_algorithm_that_is_opt_in_signs_no_id_token(world: World, announced: list[str] | None) -> None:
    """RFC 9864 §2.2, RFC 9964 §5: also where the issuer names it, or names none."""
    world.issuer.metadata["id_token_signing_alg_values_supported"] = announced
    world.issuer.claims["at_hash"] = None
    world.issuer.key = Key.generate("Ed25519", kid="k2")
    world.issuer.published = [world.issuer.key]
    with pytest.raises(ProtocolError, match="algorithm"):
        await redeem(world, provider(world))


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("token_endpoint", lambda one: one.client_credentials()),
        ("revocation_endpoint", lambda one: one.revoke(Secret("r"))),
    ],
)
async def test_an_endpoint_that_the_issuer_lacks_is_named(world: World, missing: str, call: Any) -> None:
    """The text says what to look at."""
    world.issuer.metadata[missing] = None
    with pytest.raises(ProtocolError, match=missing):
        await call(provider(world))


async def test_an_issuer_without_sign_out_is_not_left_for(world: World) -> None:
    """OIDC RP-Initiated Logout is optional."""
    world.issuer.metadata["end_session_endpoint"] = None
    assert await provider(world).end_session_url(id_token=None, return_to="https://app.example/") is None


async def test_the_sign_out_address_keeps_its_query_and_needs_no_hint(world: World) -> None:
    """OIDC RP-Initiated Logout 1.0 §2."""
    world.issuer.metadata["end_session_endpoint"] = "https://id.example/logout?tenant=1"
    url = await provider(world).end_session_url(id_token=None, return_to="https://app.example/")
    assert url == (
        "https://id.example/logout?tenant=1&client_id=todo-web&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F"
    )


async def test_a_code_that_the_issuer_refuses_is_told_as_such(world: World) -> None:
    """RFC 6749 §5.2."""
    with pytest.raises(IssuerError, match="invalid_grant"):
        await provider(world).redeem(
            Secret("unknown"), redirect_uri="https://app.example/cb", code_verifier=Secret("v" * 43), nonce=Secret("n")
        )


async def test_a_revocation_that_does_not_arrive_is_told(world: World) -> None:
    """After three attempts."""
    world.network.fail("https://id.example/revoke", *[httpx2.ConnectError("down")] * 3)
    with pytest.raises(UnavailableError):
        await provider(world).revoke(Secret("r"))
    assert world.network.count("https://id.example/revoke") == 3
