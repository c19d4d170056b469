"""What is answered to whom: status, headers and body (RFC 6750 §3)."""

from jotary import InsufficientScope, InvalidToken, KeysUnavailable
from jotary.oauth.errors import invalid_request
from jotary.verifier import challenge

METADATA = "https://api.example/.well-known/oauth-protected-resource"


def test_without_a_token_there_is_no_error() -> None:
    """RFC 6750 §3.1: nothing was wrong with the request."""
    refusal = challenge.no_token("todo:read", METADATA)
    assert refusal.status == 401
    assert refusal.headers["WWW-Authenticate"] == f'Bearer scope="todo:read", resource_metadata="{METADATA}"'
    assert "error" not in refusal.body
    assert challenge.no_token().headers["WWW-Authenticate"] == "Bearer"


def test_a_refused_token_is_answered_with_the_reason() -> None:
    """RFC 6750 §3.1; the hint is for the integrator."""
    refusal = challenge.refusal(InvalidToken("invalid_token", "exp", "the token has expired; refresh it"))
    description = "The access token was refused. The token has expired; refresh it."
    assert (refusal.status, refusal.body) == (401, {"error": "invalid_token", "error_description": description})
    assert refusal.headers["WWW-Authenticate"] == f'Bearer error="invalid_token", error_description="{description}"'


def test_a_missing_scope_is_named() -> None:
    """RFC 6750 §3.1: with the scopes that would do."""
    refusal = challenge.refusal(InsufficientScope(["todo:read", "todo:write"]), METADATA)
    assert (refusal.status, refusal.body["error"]) == (403, "insufficient_scope")
    assert 'scope="todo:read todo:write"' in refusal.headers["WWW-Authenticate"]
    assert f'resource_metadata="{METADATA}"' in refusal.headers["WWW-Authenticate"]


def test_a_malformed_request_is_400() -> None:
    """RFC 6750 §3.1."""
    refusal = challenge.refusal(invalid_request("Twice."))
    assert (refusal.status, refusal.body["error"]) == (400, "invalid_request")
    assert refusal.headers["WWW-Authenticate"].startswith('Bearer error="invalid_request"')


def test_missing_keys_are_nobodys_fault() -> None:
    """503 with Retry-After (RFC 9110 §15.6.4); what is wrong with the issuer stays with the operator."""
    refusal = challenge.refusal(KeysUnavailable(7, "https://issuer.internal:8443 cannot be fetched"))
    assert (refusal.status, refusal.headers["Retry-After"]) == (503, "7")
    assert "WWW-Authenticate" not in refusal.headers
    assert "internal" not in str(refusal)


def test_no_refusal_is_kept_by_a_cache() -> None:
    """RFC 9111: the next request may bring a better token."""
    refusals = [
        challenge.no_token(),
        challenge.refusal(InvalidToken("invalid_token", "exp", "x")),
        challenge.refusal(InsufficientScope(["a"])),
        challenge.refusal(KeysUnavailable(1, "x")),
    ]
    assert {refusal.headers["Cache-Control"] for refusal in refusals} == {"no-store"}


def test_nothing_can_break_out_of_the_header() -> None:
    """RFC 9110 §5.6.4, RFC 6750 §3: a hint from elsewhere stays inside its quotes."""
    refusal = challenge.refusal(InvalidToken("invalid_token", "x", 'a"b\\c\r\nSet-Cookie: é'))
    value = refusal.headers["WWW-Authenticate"]
    assert value.isascii()
    assert value.isprintable()
    assert value.count('"') == 4


def test_the_errors_say_what_they_are_in_a_log() -> None:
    """For the operator."""
    assert str(InsufficientScope(["a", "b"])) == "insufficient_scope: needs a b"
    assert str(KeysUnavailable(7, "down")) == "the issuer's keys are unavailable (down); try again in 7 s"
