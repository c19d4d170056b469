"""Clients that authenticate with their private key (RFC 7523 §2.2, §3, OIDC Core §9)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from jotary.jose import Key, jws, jwt
from jotary.oauth.client_authentication import JWT_BEARER
from jotary.oauth.parameters import Parameters
from jotary.server.model.client import Client
from jotary.tokens.client_assertion import MAX_LIFETIME, client_assertion_claims

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

KEY = Key.generate("ES256")
OTHER_KEY = Key.generate("ES256")


def add_client(desk: "Desk", client_id: str = "robot", **changed: Any) -> Client:
    """A client with a registered public key."""
    method = {"token_endpoint_auth_method": "private_key_jwt", "secret_sha256": None, "type": "service"}
    return desk.add_client(client_id, **{**method, "jwks": {"keys": [KEY.to_jwk()]}, **changed})


def claims(desk: "Desk", **changed: Any) -> dict[str, Any]:
    """The claims of a good assertion; a value of None takes a claim away."""
    good = client_assertion_claims(client_id="robot", audience=desk.settings.issuer, jti=desk.new_id(), now=desk.now)
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def authenticate(desk: "Desk", assertion: str, **form: str) -> Client:
    """Present an assertion."""
    pairs = {"client_assertion": assertion, "client_assertion_type": JWT_BEARER, **form}
    return desk.run(desk.authentication.authenticate(Parameters(pairs.items()), None, now=desk.now))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "client-authentication+jwt", "Client-Authentication+JWT"])
@pytest.mark.parametrize("audience", ["https://id.example.com", "https://id.example.com/token"])
def test_a_good_assertion_authenticates(desk: "Desk", typ: str, audience: str) -> None:
    """RFC 7523 §3: addressed to the issuer, as its successor demands, or to the token endpoint, as many clients do."""
    client = add_client(desk)

    assert authenticate(desk, jwt.sign(claims(desk, aud=audience), KEY, typ=typ)).id == client.id


def test_an_assertion_need_not_say_its_type(desk: "Desk") -> None:
    """RFC 7519 §5.1: `typ` is optional, and RFC 7523 asks for none; what stands there is read as a media type."""
    client = add_client(desk)

    assert authenticate(desk, jws.sign(msgspec.json.encode(claims(desk)), KEY)).id == client.id


def test_the_longest_jti_that_is_kept_is_accepted(desk: "Desk") -> None:
    """RFC 7523 §3, point 7: clients need not make short ones."""
    client = add_client(desk)

    assert authenticate(desk, jwt.sign(claims(desk, jti="j" * 255), KEY, typ="JWT")).id == client.id


def test_an_assertion_is_good_once(desk: "Desk") -> None:
    """RFC 7523 §3, point 7."""
    add_client(desk)
    assertion = jwt.sign(claims(desk), KEY, typ="JWT")
    authenticate(desk, assertion)

    error = desk.refused(authenticate, desk, assertion)

    assert (error.error, error.status) == ("invalid_client", 401)
    assert desk.kinds() == ["client.authentication_failed"]


def test_the_memory_of_an_assertion_is_its_clients_own(desk: "Desk") -> None:
    """RFC 7523 §3, point 7: nobody can use up another client's `jti`."""
    add_client(desk)
    add_client(desk, "other", jwks={"keys": [OTHER_KEY.to_jwk()]})
    authenticate(desk, jwt.sign(claims(desk, jti="one"), KEY, typ="JWT"))

    other = claims(desk, jti="one", iss="other", sub="other")
    assert authenticate(desk, jwt.sign(other, OTHER_KEY, typ="JWT")).id == "other"


def test_the_memory_outlives_every_moment_at_which_the_assertion_is_accepted(desk: "Desk") -> None:
    """One leeway feeds both (RFC 7523 §3, points 4 and 7): purging must not make room for a replay."""
    add_client(desk)
    longest = claims(desk, exp=desk.now + MAX_LIFETIME)
    assertion, unused = (jwt.sign({**longest, "jti": jti}, KEY, typ="JWT") for jti in ("used", "unused"))
    authenticate(desk, assertion)

    desk.now += MAX_LIFETIME + desk.settings.leeway - 1
    desk.run(desk.store.purge(desk.now))

    assert desk.refused(authenticate, desk, assertion).error == "invalid_client"
    assert authenticate(desk, unused).id == "robot"  # so it was the memory that refused the other one


BAD: dict[str, Callable[["Desk"], dict[str, Any]]] = {
    "another issuer": lambda _: {"iss": "somebody"},
    "no issuer": lambda _: {"iss": None},
    "another audience": lambda _: {"aud": "https://other.example.com"},
    "two audiences": lambda desk: {"aud": [desk.settings.issuer, "https://other.example.com"]},
    "no audience": lambda _: {"aud": None},
    "expired": lambda desk: {"exp": desk.now - desk.settings.leeway},
    "no expiry": lambda _: {"exp": None},
    "lives too long": lambda desk: {"exp": desk.now + MAX_LIFETIME + desk.settings.leeway + 1},
    "not yet valid": lambda desk: {"nbf": desk.now + desk.settings.leeway + 1},
    "from the future": lambda desk: {"iat": desk.now + desk.settings.leeway + 1},
    "no jti": lambda _: {"jti": None},
    "a jti that is too long": lambda _: {"jti": "j" * 256},
    "a jti that cannot be kept": lambda _: {"jti": "j\0j"},
}


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_claim_is_refused(desk: "Desk", wrong: str) -> None:
    """RFC 7523 §3, each point; nothing is remembered of it but the failure."""
    add_client(desk)

    error = desk.refused(authenticate, desk, jwt.sign(claims(desk, **BAD[wrong](desk)), KEY, typ="JWT"))

    assert (error.error, error.status) == ("invalid_client", 401)


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt"])
def test_a_jwt_made_for_another_purpose_is_refused(desk: "Desk", typ: str) -> None:
    """RFC 8725 §3.11."""
    add_client(desk)

    assert desk.refused(authenticate, desk, jwt.sign(claims(desk), KEY, typ=typ)).error == "invalid_client"


def test_another_key_is_refused(desk: "Desk") -> None:
    """RFC 7523 §3, point 9."""
    add_client(desk)

    assert desk.refused(authenticate, desk, jwt.sign(claims(desk), OTHER_KEY, typ="JWT")).error == "invalid_client"


def test_a_key_that_the_assertion_brings_along_is_not_used(desk: "Desk") -> None:
    """RFC 7515 §10.12: the header is the attacker's."""
    add_client(desk)
    header = {"jwk": OTHER_KEY.to_jwk(), "kid": KEY.kid}

    forged = jwt.sign(claims(desk), OTHER_KEY, typ="JWT", header=header)
    assert desk.refused(authenticate, desk, forged).error == "invalid_client"


def test_a_symmetric_signature_is_refused(desk: "Desk") -> None:
    """OIDC Core §9: private_key_jwt is no client_secret_jwt, and a public key is nobody's secret."""
    add_client(desk)
    confused = Key.from_jwk({"kty": "oct", "k": KEY.to_jwk()["x"], "kid": KEY.kid})

    forged = jwt.sign(claims(desk), confused, typ="JWT", header={"alg": "HS256"})
    assert desk.refused(authenticate, desk, forged).error == "invalid_client"


@pytest.mark.parametrize("algorithm", ["Ed25519", "Ed448", "ML-DSA-65"])
def test_an_algorithm_that_is_opt_in_signs_no_assertion(desk: "Desk", algorithm: str) -> None:
    """RFC 8414 §2: what the metadata does not name is not taken."""
    key = Key.generate(algorithm)
    add_client(desk, jwks={"keys": [key.to_jwk()]})

    assertion = jwt.sign(claims(desk), key, typ="JWT")
    assert desk.refused(authenticate, desk, assertion).error == "invalid_client"


@pytest.mark.parametrize("jwks", [None, {"keys": []}, {"keys": "none"}, {}])
def test_a_client_without_usable_keys_cannot_authenticate(desk: "Desk", jwks: dict[str, Any] | None) -> None:
    """A broken registration is a refusal, not a failure of the server."""
    add_client(desk, jwks=jwks)

    assert desk.refused(authenticate, desk, jwt.sign(claims(desk), KEY, typ="JWT")).error == "invalid_client"


def test_an_assertion_speaks_for_its_own_client_only(desk: "Desk") -> None:
    """RFC 7521 §4.2: a client_id beside it must name the same client."""
    add_client(desk)
    desk.add_public_client("other")

    error = desk.refused(authenticate, desk, jwt.sign(claims(desk), KEY, typ="JWT"), client_id="other")

    assert error.error == "invalid_request"


def test_an_unknown_client_is_refused_in_the_words_of_a_wrong_key(desk: "Desk") -> None:
    """The answer does not tell whether the client exists."""
    add_client(desk)
    known = desk.refused(authenticate, desk, jwt.sign(claims(desk), OTHER_KEY, typ="JWT"))
    ghost = claims(desk, iss="ghost", sub="ghost")
    unknown = desk.refused(authenticate, desk, jwt.sign(ghost, OTHER_KEY, typ="JWT"))

    assert known.body() == unknown.body()


def test_a_client_that_authenticates_so_gets_its_tokens(desk: "Desk") -> None:
    """RFC 7523 §2.2, RFC 6749 §4.4."""
    add_client(desk)
    form = {
        "grant_type": "client_credentials",
        "client_assertion": jwt.sign(claims(desk), KEY, typ="JWT"),
        "client_assertion_type": JWT_BEARER,
    }

    response = desk.run(desk.token(Parameters(form.items()), None, now=desk.now))

    assert desk.claims(response.access_token)["sub"] == "robot"
