"""How the client proves itself, read back by what the server reads it with."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.client.client_authentication import (
    Credentials,
    PrivateKeyJWT,
    PublicClient,
    SecretBasic,
    SecretPost,
    authenticate,
)
from jotary.client.transport import Form
from jotary.jose import Key, jwt
from jotary.oauth.client_authentication import parse_client_authentication
from jotary.oauth.parameters import Parameters
from jotary.oauth.secret import Secret
from jotary.tokens.client_assertion import check_client_assertion

ISSUER = "https://id.example"
NOW = 1_800_000_000
REQUEST = Parameters([("grant_type", "refresh_token"), ("refresh_token", "rt")])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


def prove(credentials: Credentials, entropy: bytes = b"e" * 16) -> Form:
    """The request with the client's proof."""
    return authenticate(credentials, REQUEST, issuer=ISSUER, now=NOW, entropy=entropy)


def read(form: Form) -> Any:
    """What the server makes of it."""
    header = None if form.authorization is None else form.authorization.reveal()
    return parse_client_authentication(header, form.parameters)


@given(client_id=TEXTS, secret=TEXTS)
def test_a_secret_in_the_header_arrives(client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1: colons, percent signs, spaces and accents survive; nothing of it is in the body."""
    form = prove(SecretBasic(client_id, Secret(secret)))
    presented = read(form)
    assert (presented.client_id, presented.method) == (client_id, "client_secret_basic")
    assert presented.secret.reveal() == secret
    assert form.parameters.pairs() == REQUEST.pairs()


@given(client_id=TEXTS, secret=TEXTS)
def test_a_secret_in_the_body_arrives(client_id: str, secret: str) -> None:
    """RFC 6749 §2.3.1."""
    presented = read(prove(SecretPost(client_id, Secret(secret))))
    assert (presented.client_id, presented.method) == (client_id, "client_secret_post")
    assert presented.secret.reveal() == secret


def test_a_public_client_says_its_name() -> None:
    """RFC 6749 §3.2.1."""
    presented = read(prove(PublicClient("app")))
    assert (presented.client_id, presented.method, presented.secret) == ("app", "none", None)


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_private_key_signs_an_assertion_for_this_issuer(algorithm: str) -> None:
    """RFC 7523 §3: short-lived, for one server, with a jti of its own."""
    key = Key.generate(algorithm)
    form = prove(PrivateKeyJWT("app", key))
    presented = read(form)
    assert (presented.client_id, presented.method) == ("app", "private_key_jwt")
    claims = jwt.verify(presented.assertion.reveal(), key.public(), algorithms={algorithm}, typ="JWT").claims
    checked = check_client_assertion(claims, client_id="app", audiences={ISSUER}, now=NOW, leeway=0)
    assert checked.expires_at == NOW + 60
    assert form.authorization is None


def test_each_assertion_has_a_jti_of_its_own() -> None:
    """RFC 7523 §3, point 7: the server takes each once."""
    key = Key.generate("ES256")
    claims = [
        jwt.verify(
            read(prove(PrivateKeyJWT("app", key), bytes([n]) * 16)).assertion.reveal(),
            key.public(),
            algorithms={"ES256"},
            typ="JWT",
        ).claims["jti"]
        for n in range(3)
    ]
    assert len(set(claims)) == 3


@pytest.mark.parametrize("credentials", [SecretBasic("app", Secret("hidden")), SecretPost("app", Secret("hidden"))])
def test_neither_credentials_nor_requests_print_a_secret(credentials: Credentials) -> None:
    """Secrets never print."""
    assert "hidden" not in repr(credentials)
    assert "hidden" not in repr(prove(credentials))
