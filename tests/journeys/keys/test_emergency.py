"""A signing key is in the wrong hands: the story from the server's process to an API's (design §6.2, §6.3)."""

import time
from typing import TYPE_CHECKING

import pytest

from jotary import InvalidToken, TokenVerifier

if TYPE_CHECKING:
    from tests.journeys.keys.conftest import Place

AUDIENCE = "https://todo.example.com"
LONG = 30.0  # seconds after which something will not happen any more


def is_refused(verifier: TokenVerifier, token: str) -> bool:
    """Whether an API refuses it for its key."""
    try:
        verifier.verify(token)
    except InvalidToken as refused:
        return refused.claim == "kid"
    return False


def test_an_api_refuses_what_a_withdrawn_key_signed_while_its_key_set_is_fresh(place: "Place") -> None:
    """Design §6.3: the feed says it, not the next fetch of the keys, which is minutes away; good tokens go on."""
    place.add_client()
    place.serve()
    token = place.token()
    verifier = TokenVerifier(issuer=place.issuer, audience=AUDIENCE)
    try:
        assert verifier.verify(token).client_id == "robot"  # and is remembered

        phases = [key["phase"] for key in place.json("key", "rotate", "--compromised")]

        assert phases == ["gone", "signing"]
        deadline = time.monotonic() + LONG
        while not is_refused(verifier, token):
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)
        fresh = place.token()
        assert place.verify(fresh).claims["client_id"] == "robot"
        assert verifier.verify(fresh).client_id == "robot"
    finally:
        verifier.close()


def test_the_secret_is_replaced_by_the_procedure(place: "Place") -> None:
    """docs/keys.md, step by step: every token of every step verifies, and at the end the old secret is not needed."""
    old, new = "the old secret of the server 0123456789", "the new secret of the server 9876543210"
    place.environment["JOTARY_SECRET"] = old
    place.add_client()
    tokens = []
    for secret, accepted in ((old, ""), (old, new), (new, old)):
        place.environment |= {"JOTARY_SECRET": secret, "JOTARY_ACCEPTED_SECRETS": accepted}
        place.serve()
        tokens.append(place.token())
        if secret == new:
            assert [key["sealed_under"] for key in place.json("key", "reseal")] == ["secret"]
        place.stop()
    place.environment["JOTARY_ACCEPTED_SECRETS"] = ""
    place.serve()
    for token in [*tokens, place.token()]:
        assert place.verify(token).claims["client_id"] == "robot"


def test_a_forgotten_secret_stops_the_start_with_what_to_do(place: "Place") -> None:
    """One line, and nothing is lost."""
    place.environment["JOTARY_SECRET"] = "the old secret of the server 0123456789"
    place.serve()
    place.stop()
    place.environment["JOTARY_SECRET"] = "the new secret of the server 9876543210"
    with pytest.raises(AssertionError, match="accepted_secrets"):
        place.serve()
    assert "secret of the server" not in (place.folder / "log").read_text()
