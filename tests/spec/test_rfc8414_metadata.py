"""What the server says of itself (RFC 8414 §2, OIDC Discovery §3, RFC 7517 §5)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from jotary.jose import KeySet
from jotary.oauth.metadata import ServerMetadata
from jotary.oauth.secret import Secret
from jotary.server.flows.client_authentication import METHODS
from jotary.server.flows.grants import GRANTS
from jotary.server.flows.metadata import Documents, describe
from jotary.server.settings import Settings

if TYPE_CHECKING:
    from tests.spec.conftest import Desk

ENDPOINTS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "jwks_uri": "/.well-known/jwks.json",
    "revocation_endpoint": "/revoke",
    "introspection_endpoint": "/introspect",
    "end_session_endpoint": "/logout",
}


@pytest.fixture
def documents(desk: "Desk") -> Documents:
    """The server's documents."""
    return Documents(settings=desk.settings, signer=desk.keyring)


def test_the_document_fits_the_published_schema(documents: Documents, vectors: Path) -> None:
    """The OpenID Foundation's schema of RFC 8414, which knows every registered member and no others."""
    schema = json.loads((vectors / "oidf-json-schemas/rfc8414/oauth_authorization_server_metadata.json").read_text())

    jsonschema.validate(
        json.loads(documents.discovery()), schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


@pytest.mark.parametrize("issuer", ["https://id.example.com", "https://example.com/id", "https://example.com/id/"])
def test_the_issuer_is_exact_and_the_endpoints_stand_below_it(issuer: str) -> None:
    """RFC 8414 §3.3: byte for byte; OIDC Discovery §4.3."""
    document = describe(Settings(issuer=issuer, secret=Secret("x" * 32)), KeySet()).to_dict()

    assert document["issuer"] == issuer
    assert {name: document[name] for name in ENDPOINTS} == {
        name: issuer.rstrip("/") + path for name, path in ENDPOINTS.items()
    }
    assert ServerMetadata.from_dict(document, issuer=issuer).to_dict() == document


def test_it_claims_what_stands(documents: Documents) -> None:
    """RFC 8414 §2, RFC 9207 §3, RFC 7636 §6.2.2: every value here has an endpoint's test behind it."""
    document = json.loads(documents.discovery())

    expected: dict[str, Any] = {
        "grant_types_supported": [grant.NAME for grant in GRANTS],
        "token_endpoint_auth_methods_supported": list(METHODS),
        "revocation_endpoint_auth_methods_supported": list(METHODS),
        "introspection_endpoint_auth_methods_supported": [method for method in METHODS if method != "none"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "authorization_response_iss_parameter_supported": True,
        "request_uri_parameter_supported": False,
        "request_parameter_supported": False,
        "claims_parameter_supported": False,
    }
    assert {name: document[name] for name in expected} == expected


def test_it_accepts_no_assertion_with_a_shared_secret(documents: Documents) -> None:
    """OIDC Core §9: private_key_jwt only; RFC 8414 §2: `none` must not be there."""
    algorithms = json.loads(documents.discovery())["token_endpoint_auth_signing_alg_values_supported"]

    assert "ES256" in algorithms
    assert not {name for name in algorithms if name.startswith("HS") or name == "none"}


def test_what_is_opt_in_is_not_announced(documents: Documents) -> None:
    """RFC 9864 §2.2, RFC 9964 §5: no document names them, as nobody has chosen them."""
    for text in (documents.discovery(), documents.jwks()):
        assert not [name for name in (b"Ed25519", b"Ed448", b"ML-DSA") if name in text]


def test_every_claim_of_its_tokens_is_announced(desk: "Desk", documents: Documents) -> None:
    """OIDC Discovery §3, claims_supported."""
    response = desk.sign_in(desk.add_client(), nonce="n")

    claims = {*desk.claims(response.id_token, "JWT"), *desk.who(response.access_token)}
    assert claims <= set(json.loads(documents.discovery())["claims_supported"])


def test_the_keys_are_public_and_named(desk: "Desk", documents: Documents) -> None:
    """RFC 7517 §5, RFC 7518 §6: what verifies, and nothing private."""
    (key,) = json.loads(documents.jwks())["keys"]

    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert (key["alg"], key["use"]) == ("ES256", "sig")
    assert KeySet.from_jwks(documents.jwks()).get(key["kid"]) is not None


def test_the_documents_are_made_once_for_each_set_of_keys(desk: "Desk", documents: Documents) -> None:
    """Design §8: static bytes until a key comes or goes."""
    first = documents.jwks(), documents.discovery()
    desk.run(desk.keyring.refresh())
    assert documents.jwks() is first[0]
    assert documents.discovery() is first[1]

    desk.run(desk.new_rotation().rotate(desk.now))
    desk.run(desk.keyring.refresh())

    assert len(json.loads(documents.jwks())["keys"]) == 2
    assert documents.discovery() == first[1]


def test_both_algorithms_are_announced_while_one_replaces_the_other(desk: "Desk") -> None:
    """OIDC Discovery §3: clients must expect tokens of either."""
    settings = Settings(issuer=desk.settings.issuer, secret=desk.settings.secret, signing_algorithm="RS256")

    document = describe(settings, desk.keyring.public_keys())

    assert document.id_token_signing_alg_values_supported == ("ES256", "RS256")
