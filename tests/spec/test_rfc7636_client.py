"""PKCE as the client does it, held against the server's check (RFC 7636)."""

import re
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from jotary.client.authorization import AUTHORIZATION_ENTROPY, AuthorizationRequest, build_authorization_request
from jotary.client.token_endpoint import code_request
from jotary.oauth import pkce
from jotary.oauth.metadata import ServerMetadata
from jotary.oauth.secret import Secret

METADATA = ServerMetadata(issuer="https://id.example", authorization_endpoint="https://id.example/authorize")


def request(entropy: bytes) -> AuthorizationRequest:
    """An authorization request from this entropy."""
    return build_authorization_request(
        METADATA, client_id="app", redirect_uri="https://app.example/cb", scopes=["openid"], entropy=entropy
    )


def sent(one: AuthorizationRequest) -> dict[str, list[str]]:
    """The parameters of its URL."""
    return parse_qs(urlsplit(one.url).query)


@given(entropy=st.binary(min_size=AUTHORIZATION_ENTROPY, max_size=AUTHORIZATION_ENTROPY))
def test_the_server_accepts_the_verifier_for_the_challenge(entropy: bytes) -> None:
    """RFC 7636 §4.2, §4.6: S256, always."""
    made = request(entropy)
    assert sent(made)["code_challenge_method"] == ["S256"]
    (challenge,) = sent(made)["code_challenge"]
    pkce.check_challenge(challenge)
    assert pkce.verify(made.code_verifier.reveal(), challenge)


@given(entropy=st.binary(min_size=AUTHORIZATION_ENTROPY, max_size=AUTHORIZATION_ENTROPY))
def test_the_verifier_is_long_enough_and_in_the_alphabet(entropy: bytes) -> None:
    """RFC 7636 §4.1: 43 to 128 unreserved characters, from 32 random bytes."""
    assert re.fullmatch(r"[A-Za-z0-9\-._~]{43,128}", request(entropy).code_verifier.reveal())


@given(entropy=st.binary(min_size=AUTHORIZATION_ENTROPY, max_size=AUTHORIZATION_ENTROPY))
def test_the_verifier_does_not_stand_in_the_request(entropy: bytes) -> None:
    """RFC 7636 §1: only its hash travels through the browser, and nothing else there is made of the same bytes."""
    made = request(entropy)
    assert "code_verifier" not in sent(made)
    if len(set(entropy)) > 1:
        assert made.code_verifier.reveal() not in made.url


def test_each_request_has_a_verifier_of_its_own() -> None:
    """RFC 7636 §4.1: created for every authorization request."""
    assert request(b"a" * 96).code_verifier.reveal() != request(b"b" * 96).code_verifier.reveal()


def test_the_verifier_goes_with_the_code() -> None:
    """RFC 7636 §4.5."""
    made = request(bytes(range(96)))
    form = code_request(Secret("code"), redirect_uri=made.redirect_uri, code_verifier=made.code_verifier)
    assert form.get("code_verifier") == made.code_verifier.reveal()
