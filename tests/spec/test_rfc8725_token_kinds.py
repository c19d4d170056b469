"""Everything that this server signs, mints or reads, shown wherever a token is read (RFC 8725 §2.8, §3.11, §3.12)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from jotary.jose import Key, jwt
from jotary.oauth.client_authentication import JWT_BEARER
from jotary.oauth.errors import OAuthError
from jotary.oauth.parameters import Parameters
from jotary.server.flows.id_token_hint import read_hint
from jotary.server.model.client import Client
from jotary.tokens.client_assertion import client_assertion_claims
from jotary.tokens.revocation_feed import TYP as FEED
from jotary.tokens.revocation_feed import feed_claims

if TYPE_CHECKING:
    from tests.spec.conftest import Desk, IssuedCode

KEY = Key.generate("ES256")


class World(NamedTuple):
    """A server, its clients, and one token of each kind, each of a session of its own."""

    desk: "Desk"
    client: Client
    issued: "IssuedCode"
    tokens: dict[str, str]


def world(desk: "Desk") -> World:
    """Every kind of token that a client or an API can come to hold."""
    client = desk.add_client()
    robot: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt", "secret_sha256": None}
    desk.add_client("robot", jwks={"keys": [KEY.to_jwk()]}, audiences=(), **robot)
    issuer = desk.settings.issuer
    assertion = client_assertion_claims(client_id="robot", audience=issuer, jti=desk.new_id(), now=desk.now)
    # Of all access tokens the one that is most like an assertion: the client is its subject, the server its audience.
    own = {**desk.claims(desk.ask(client, grant_type="client_credentials").access_token), "aud": issuer}
    own |= {"iss": issuer, "sub": "robot", "client_id": "robot"}
    feed = feed_claims(issuer=issuer, now=desk.now, after=0, position=0, entries=())
    issued = desk.issue_code(client, desk.add_user())
    tokens = {
        "access token": desk.sign_in(client).access_token,
        "the robot's access token": desk.run(desk.keyring.sign(own, typ="at+jwt")),
        "ID token": desk.sign_in(client).id_token or "",
        "refresh token": desk.sign_in(client).refresh_token or "",
        "code": issued.code,
        "assertion": jwt.sign(assertion, KEY, typ="JWT"),
        "feed": desk.run(desk.keyring.sign(feed, typ=FEED)),
    }
    return World(desk, client, issued, tokens)


def at_userinfo(known: World, token: str) -> object:
    """OIDC Core §5.3."""
    return known.desk.who(token)


def at_introspection(known: World, token: str) -> object:
    """RFC 7662."""
    return known.desk.introspect(known.client, token)["active"]


def at_revocation(known: World, token: str) -> object:
    """RFC 7009: whether anything ended."""
    before = known.desk.kinds()
    known.desk.revoke(known.client, token)
    return known.desk.kinds() != before


def as_a_refresh_token(known: World, token: str) -> object:
    """RFC 6749 §6."""
    return known.desk.refresh(known.client, token)


def as_a_code(known: World, token: str) -> object:
    """RFC 6749 §4.1.3."""
    return known.desk.redeem(known.client, known.issued, code=token)


def as_a_hint(known: World, token: str) -> object:
    """OIDC Core §3.1.2.1."""
    return read_hint(token, known.desk.keyring.public_keys(), issuer=known.desk.settings.issuer)


def as_an_assertion(known: World, token: str) -> object:
    """RFC 7523 §2.2."""
    form = Parameters({"client_assertion": token, "client_assertion_type": JWT_BEARER}.items())
    return known.desk.run(known.desk.authentication.authenticate(form, None, now=known.desk.now))


Reader = Callable[[World, str], object]


def is_accepted(reader: Reader, known: World, token: str) -> bool:
    """Whether it gets anything."""
    try:
        return bool(reader(known, token))
    except OAuthError:
        return False


@pytest.mark.parametrize(
    ("reader", "accepted"),
    [
        (at_userinfo, {"access token"}),
        (at_introspection, {"access token", "refresh token"}),
        (at_revocation, {"access token", "refresh token"}),
        (as_a_refresh_token, {"refresh token"}),
        (as_a_code, {"code"}),
        (as_a_hint, {"ID token"}),
        (as_an_assertion, {"assertion"}),
    ],
)
def test_each_kind_is_good_where_it_belongs_and_nowhere_else(desk: "Desk", reader: Reader, accepted: set[str]) -> None:
    """RFC 8725 §2.8; the robot's own token is another client's business (RFC 7009 §2.1, RFC 7662 §2.2)."""
    known = world(desk)
    assert {kind for kind, token in known.tokens.items() if is_accepted(reader, known, token)} == accepted


@pytest.mark.parametrize("typ", ["JWT", FEED, "logout+jwt", "dpop+jwt", "client-authentication+jwt", "secevent+jwt"])
def test_the_claims_of_an_access_token_under_another_type_are_none(desk: "Desk", typ: str) -> None:
    """RFC 9068 §4: whatever else this server signs some day, its type alone keeps it apart."""
    known = world(desk)
    token = desk.run(desk.keyring.sign(desk.claims(known.tokens["access token"]), typ=typ))
    for reader in (at_userinfo, at_introspection, at_revocation):
        assert not is_accepted(reader, known, token)
