"""RFC 9207: every answer of the authorization endpoint says whose it is."""

from typing import Any

import pytest

ISSUER = "https://id.example.com"


@pytest.mark.parametrize("changed", [{}, {"state": None}, {"prompt": "none"}])
def test_a_success_names_the_issuer(site: Any, signed_in: Any, changed: dict[str, Any]) -> None:
    """§2: the issuer identifier, byte for byte."""
    answer = site.answer(signed_in.authorize(**changed))
    assert "code" in answer
    assert answer["iss"] == ISSUER


@pytest.mark.parametrize("changed", [{"scope": "admin"}, {"response_type": "token"}, {"prompt": "none"}])
def test_an_error_names_the_issuer(site: Any, browser: Any, changed: dict[str, Any]) -> None:
    """§2: error answers too."""
    answer = site.answer(browser.authorize(**changed))
    assert "error" in answer
    assert answer["iss"] == ISSUER


def test_a_denial_names_the_issuer(site: Any, signed_in: Any) -> None:
    """§2: whoever says no."""
    site.add_third_party()
    page = signed_in.authorize(client_id="other")
    assert site.answer(signed_in.submit(page, "/consent", answer="deny"))["iss"] == ISSUER


def test_an_iss_in_the_redirect_uri_or_request_does_not_replace_ours(site: Any, signed_in: Any) -> None:
    """§2.4: a client must be able to rely on the one that it reads."""
    assert site.answer(signed_in.authorize(iss="https://evil.example"))["iss"] == ISSUER


def test_the_metadata_says_so(browser: Any) -> None:
    """§3."""
    document = browser.get("/.well-known/oauth-authorization-server").json()
    assert document["issuer"] == ISSUER
    assert document["authorization_response_iss_parameter_supported"] is True
