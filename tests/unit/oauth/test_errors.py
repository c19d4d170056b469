"""OAuthError speaks to the client in fixed text and never lets a character through that RFC 6749 forbids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth import errors
from jotary.oauth.errors import OAuthError


@given(st.text(), st.text())
def test_error_description_holds_only_allowed_characters(description: str, hint: str) -> None:
    """RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E."""
    text = OAuthError("invalid_request", description, hint=hint).error_description
    assert all(" " <= character <= "~" and character not in '"\\' for character in text)


def test_a_section_is_still_cited() -> None:
    """Hints cite RFCs with a sign that RFC 6749 §5.2 does not allow: it is spelt out, and no question mark."""
    error = errors.invalid_request("No.", hint="A JWS has three parts (RFC 7515 §3.1).")
    assert error.error_description == "No. A JWS has three parts (RFC 7515 section 3.1)."


def test_detail_is_never_sent() -> None:
    """Detail is for the operator's log alone (design §4)."""
    error = errors.invalid_grant("No.", detail="row 17 of table sessions")
    assert "row 17" not in str(error.body()) + str(error)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.invalid_request("x"), "invalid_request", 400),
        (errors.invalid_client(), "invalid_client", 401),
        (errors.invalid_grant("x"), "invalid_grant", 400),
        (errors.unauthorized_client("x"), "unauthorized_client", 400),
        (errors.unsupported_grant_type(), "unsupported_grant_type", 400),
        (errors.unsupported_response_type(), "unsupported_response_type", 400),
        (errors.invalid_scope("x"), "invalid_scope", 400),
        (errors.invalid_target("x"), "invalid_target", 400),
        (errors.access_denied(), "access_denied", 403),
        (errors.login_required(), "login_required", 400),
        (errors.consent_required(), "consent_required", 400),
        (errors.request_not_supported(), "request_not_supported", 400),
        (errors.request_uri_not_supported(), "request_uri_not_supported", 400),
        (errors.server_error(), "server_error", 500),
        (errors.temporarily_unavailable(retry_after=3), "temporarily_unavailable", 503),
    ],
)
def test_each_error_has_its_standard_code_and_status(error: OAuthError, code: str, status: int) -> None:
    """RFC 6749 §4.1.2.1 and §5.2, RFC 8707 §2, OIDC Core §3.1.2.6."""
    assert (error.error, error.status, error.body()["error"]) == (code, status, code)


def test_invalid_client_challenges_only_after_basic() -> None:
    """RFC 6749 §5.2: the challenge matches the scheme that the client used."""
    assert errors.invalid_client(basic=True).headers["WWW-Authenticate"].startswith("Basic ")
    assert "WWW-Authenticate" not in errors.invalid_client().headers


def test_temporarily_unavailable_says_when_to_come_back() -> None:
    """RFC 9110 §10.2.3."""
    assert errors.temporarily_unavailable(retry_after=3).headers["Retry-After"] == "3"
