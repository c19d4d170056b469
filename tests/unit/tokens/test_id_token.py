"""ID tokens: OpenID Connect Core §3.1.3.7."""

from typing import Any

import pytest

from jotary.tokens.errors import TokenError
from jotary.tokens.id_token import IDToken, check_id_token, id_token_claims, token_hash

NOW = 1_800_000_000
ISSUER = "https://id.example.com"


def claims(**changes: Any) -> dict[str, Any]:
    """A sound ID token's claims with some changed."""
    return (
        id_token_claims(
            issuer=ISSUER,
            subject="alice",
            client_id="web",
            session_id="s1",
            nonce="n1",
            authenticated_at=NOW - 10,
            methods=("pwd",),
            access_token="access",
            algorithm="ES256",
            now=NOW,
            lifetime=300,
            profile={"name": "Alice", "sub": "mallory", "iss": "https://evil.example"},
        )
        | changes
    )


def check(candidate: dict[str, Any], **expected: Any) -> IDToken:
    """Check as the client does."""
    expectations: dict[str, Any] = {
        "issuer": ISSUER,
        "client_id": "web",
        "nonce": "n1",
        "algorithm": "ES256",
        "now": NOW,
        "leeway": 5,
        "access_token": "access",
    }
    return check_id_token(candidate, **(expectations | expected))


def test_a_sound_token_passes_and_profile_replaces_nothing() -> None:
    """A person's profile cannot overwrite a protocol claim."""
    token = check(claims())
    assert (token.subject, token.session_id, token.authenticated_at) == ("alice", "s1", NOW - 10)
    assert token.claims["name"] == "Alice"
    assert token.claims["iss"] == ISSUER


def test_at_hash_of_the_oidc_example() -> None:
    """OIDC Core appendix A.3: the access token and its at_hash."""
    assert token_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


@pytest.mark.parametrize(("algorithm", "length"), [("ES256", 22), ("PS384", 32), ("RS512", 43), ("EdDSA", 43)])
def test_at_hash_follows_the_algorithm(algorithm: str, length: int) -> None:
    """OIDC Core §3.1.3.6: the left half of the hash that the algorithm uses."""
    assert len(token_hash("access", algorithm)) == length


@pytest.mark.parametrize("algorithm", ["ML-DSA-65", "Ed448"])
def test_an_algorithm_without_a_hash_for_at_hash_signs_no_id_token(algorithm: str) -> None:
    """OIDC Core §3.1.3.6 says nothing of them, and a guess would be refused elsewhere."""
    with pytest.raises(TokenError, match=f"at_hash: {algorithm}"):
        token_hash("access", algorithm)


@pytest.mark.parametrize(
    ("change", "expected", "claim"),
    [
        ({"iss": "https://other.example"}, {}, "iss"),
        ({"aud": "other"}, {}, "aud"),
        ({"aud": ["web", "other"]}, {}, "azp"),
        ({"azp": "other"}, {}, "azp"),
        ({"exp": NOW - 5}, {}, "exp"),
        ({"iat": NOW + 6}, {}, "iat"),
        ({"nonce": "other"}, {}, "nonce"),
        ({"nonce": 7}, {}, "nonce"),
        ({"at_hash": "other"}, {}, "at_hash"),
        ({"sub": ""}, {}, "sub"),
        ({"sid": 7}, {}, "sid"),
        ({"auth_time": "x"}, {}, "auth_time"),
        ({}, {"max_age": 4}, "auth_time"),
    ],
)
def test_each_bad_claim_is_refused_by_name(change: dict[str, Any], expected: dict[str, Any], claim: str) -> None:
    """OIDC Core §3.1.3.7."""
    with pytest.raises(TokenError) as refused:
        check(claims(**change), **expected)
    assert refused.value.claim == claim


def test_several_audiences_need_the_authorized_party() -> None:
    """OIDC Core §3.1.3.7, points 4 and 5."""
    assert check(claims(aud=["web", "other"], azp="web")).subject == "alice"


def test_max_age_needs_auth_time() -> None:
    """OIDC Core §3.1.3.7, point 13."""
    without = {name: value for name, value in claims().items() if name != "auth_time"}
    assert check(without).authenticated_at is None
    with pytest.raises(TokenError, match="auth_time"):
        check(without, max_age=60)


def test_a_missing_nonce_is_refused_when_one_was_sent() -> None:
    """OIDC Core §3.1.3.7, point 11."""
    without = {name: value for name, value in claims().items() if name != "nonce"}
    with pytest.raises(TokenError, match="nonce"):
        check(without)
    assert check(without, nonce=None).subject == "alice"
