"""RFC 7523 §3: what a client assertion must say."""

from typing import Any

import pytest

from jotary.tokens.client_assertion import ClientAssertion, check_client_assertion, client_assertion_claims
from jotary.tokens.errors import TokenError

NOW = 1_800_000_000
SERVER = "https://id.example.com"


def claims(**changes: Any) -> dict[str, Any]:
    """A sound assertion's claims with some changed."""
    return client_assertion_claims(client_id="robot", audience=SERVER, jti="j1", now=NOW) | changes


def check(candidate: dict[str, Any]) -> ClientAssertion:
    """Check as the server does."""
    return check_client_assertion(candidate, client_id="robot", audiences={SERVER}, now=NOW, leeway=5)


def test_its_jti_is_remembered_as_long_as_it_could_be_accepted() -> None:
    """Acceptance and replay memory share the leeway."""
    assertion = check(claims())
    assert (assertion.client_id, assertion.jti, assertion.expires_at) == ("robot", "j1", NOW + 60 + 5)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "other"),
        ("sub", "other"),
        ("aud", "https://other.example"),
        ("aud", [SERVER, "https://other.example"]),
        ("exp", NOW - 5),
        ("exp", NOW + 606),
        ("nbf", NOW + 6),
        ("iat", NOW + 6),
        ("jti", ""),
        ("jti", 7),
    ],
)
def test_each_bad_claim_is_refused_by_name(claim: str, value: object) -> None:
    """RFC 7523 §3, points 1 to 7; one audience only, or it could be replayed elsewhere."""
    with pytest.raises(TokenError) as refused:
        check(claims(**{claim: value}))
    assert refused.value.claim == claim


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "jti"])
def test_required_claims_are_required(claim: str) -> None:
    """RFC 7523 §3; `jti` is required here because replay is refused."""
    with pytest.raises(TokenError) as refused:
        check({name: value for name, value in claims().items() if name != claim})
    assert refused.value.claim == claim
