"""The feed of cut-offs over HTTP: found from the keys, signed, never stored (docs/decisions/0006)."""

from typing import Any

import pytest

from jotary.jose import KeySet, jwt
from jotary.tokens.revocation_feed import TYP, check_feed, linked_feed

JWKS = "/.well-known/jwks.json"


def test_the_keys_link_to_the_feed(browser: Any) -> None:
    """RFC 8288 §3: without the link every API would go on accepting what was revoked."""
    assert linked_feed(browser.get(JWKS).headers["link"]) == "https://id.example.com/revocations"


def test_an_answer_is_signed_by_the_published_keys(site: Any, browser: Any) -> None:
    """What a verifier asks for first: everything, at once."""
    answer = browser.get("/revocations?after=0&wait=0")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jwt")
    assert answer.headers["cache-control"] == "no-store"
    keys = KeySet.from_jwks(browser.get(JWKS).json())
    claims = jwt.verify(answer.text, keys, algorithms={"ES256"}, typ=TYP).claims
    assert check_feed(claims, issuer="https://id.example.com", after=0, now=site.desk.now, leeway=0).entries == ()


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=-1", f"after={'9' * 5000}", "wait=26", "wait=-1", f"wait=0000{'9' * 5000}", "wait=1&wait=1"],
)
def test_a_malformed_question_is_an_invalid_request(browser: Any, query: str) -> None:
    """Design §9: 400 and never 500, whatever the length of a number."""
    answer = browser.get(f"/revocations?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
