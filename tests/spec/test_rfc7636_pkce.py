"""RFC 7636, Proof Key for Code Exchange: S256 only."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth import pkce
from jotary.oauth.errors import OAuthError

VERIFIERS = st.text("ABCXYZabcxyz0189-._~", min_size=43, max_size=128)


def test_the_example_of_appendix_b(vectors: Path) -> None:
    """RFC 7636 appendix B."""
    example = json.loads((vectors / "rfc-constants.json").read_text())["rfc7636_appB"]
    assert pkce.challenge(example["code_verifier"]) == example["code_challenge"]
    assert pkce.verify(example["code_verifier"], example["code_challenge"])


@given(VERIFIERS, VERIFIERS)
def test_only_its_own_verifier_fits_a_challenge(verifier: str, other: str) -> None:
    """RFC 7636 §4.6."""
    assert pkce.verify(verifier, pkce.challenge(verifier))
    assert pkce.verify(other, pkce.challenge(verifier)) == (other == verifier)


@given(st.binary(min_size=32, max_size=32))
def test_a_new_verifier_is_well_formed(entropy: bytes) -> None:
    """RFC 7636 §4.1."""
    verifier = pkce.new_verifier(entropy)
    assert pkce.verify(verifier, pkce.challenge(verifier))


@pytest.mark.parametrize("verifier", ["", "a" * 42, "a" * 129, "a" * 42 + "ä", "a" * 42 + " ", "a" * 43 + "\n"])
def test_a_malformed_verifier_fits_nothing(verifier: str) -> None:
    """RFC 7636 §4.1: 43 to 128 unreserved characters; `plain` does not exist here."""
    assert not pkce.verify(verifier, verifier)
    assert not pkce.verify(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


def test_the_plain_method_does_not_pass() -> None:
    """RFC 7636 §4.2: a challenge equal to its verifier is `plain`."""
    assert not pkce.verify("a" * 43, "a" * 43)


@pytest.mark.parametrize("challenge", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+", "a" * 43 + "\n"])
def test_a_malformed_challenge_is_refused(challenge: str) -> None:
    """RFC 7636 §4.2: base64url of a SHA-256 has 43 characters."""
    with pytest.raises(OAuthError, match="invalid_request"):
        pkce.check_challenge(challenge)


def test_a_verifier_takes_32_random_bytes() -> None:
    """Less entropy than RFC 7636 §7.1 asks for cannot be passed by mistake."""
    with pytest.raises(ValueError, match="32"):
        pkce.new_verifier(b"short")
