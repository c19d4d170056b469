"""OpenID Connect Core §3.1.2.1: prompt, max_age, login_hint and id_token_hint, over HTTP."""

from typing import Any

import pytest

from jotary.tokens import id_token


def test_prompt_none_asks_nobody(site: Any, browser: Any) -> None:
    """login_required instead of a page."""
    assert site.answer(browser.authorize(prompt="none"))["error"] == "login_required"


def test_prompt_none_does_not_ask_for_consent(site: Any, signed_in: Any) -> None:
    """consent_required instead of a page."""
    site.add_third_party()
    assert site.answer(signed_in.authorize(client_id="other", prompt="none"))["error"] == "consent_required"


def test_prompt_none_answers_for_who_is_there(site: Any, signed_in: Any) -> None:
    """A silent renewal."""
    assert "code" in site.answer(signed_in.authorize(prompt="none"))


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_a_fresh_sign_in_is_demanded_and_then_done_with(site: Any, signed_in: Any, demand: dict[str, str]) -> None:
    """The form is shown to a person who is signed in, and the request goes on after it without asking again."""
    path = site.return_to(signed_in.authorize(**demand))
    before = dict(signed_in.cookies)
    site.desk.now += 60
    response = signed_in.sign_in(path)
    assert response.status_code == 303
    assert signed_in.cookies["__Host-jotary"] != before["__Host-jotary"]
    site.desk.now += 60
    tokens = site.tokens(signed_in.get(response.headers["location"]))
    claims = site.desk.claims(tokens.id_token, typ=id_token.TYP)
    assert claims["auth_time"] == site.desk.now - 60


def test_the_form_for_a_fresh_sign_in_is_not_skipped(site: Any, signed_in: Any) -> None:
    """Whoever sits at a browser that is signed in cannot answer prompt=login without the password."""
    for demand in ({"prompt": "login"}, {"max_age": "0"}):
        address = signed_in.authorize(**demand).headers["location"]
        page = signed_in.get(address)
        assert page.status_code == 200
        assert signed_in.fields(page)["username"] == site.user.email


def test_max_age_counts_from_the_sign_in(site: Any, signed_in: Any) -> None:
    """Neither a refresh nor a use makes a sign-in younger."""
    site.desk.now += 61
    assert "code" in site.answer(signed_in.authorize(max_age="61"))
    assert site.return_to(signed_in.authorize(max_age="60"))


def test_a_login_hint_stands_in_the_form(site: Any, browser: Any) -> None:
    """As text, whatever it is."""
    for hint in ("bob@example.com", '"><script>alert(1)</script>'):
        page = browser.get(browser.authorize(login_hint=hint).headers["location"])
        assert browser.fields(page)["username"] == hint
        assert "<script>" not in page.text


def test_an_id_token_hint_of_somebody_else_gets_no_code(site: Any, signed_in: Any) -> None:
    """OIDC Core §3.1.2.2."""
    hint = site.tokens(signed_in.authorize()).id_token
    other = site.browser()
    site.add_user("bob@example.com", "forty orange badgers hum")
    other.sign_in(username="bob@example.com", password="forty orange badgers hum")
    for prompt in ("none", None):
        assert site.answer(other.authorize(id_token_hint=hint, prompt=prompt))["error"] == "login_required"
        assert "code" in site.answer(signed_in.authorize(id_token_hint=hint, prompt=prompt))


def test_an_expired_id_token_is_still_a_hint(site: Any, signed_in: Any) -> None:
    """OIDC Core §3.1.2.1."""
    hint = site.tokens(signed_in.authorize()).id_token
    site.desk.now += 3_600
    assert "code" in site.answer(signed_in.authorize(id_token_hint=hint, prompt="none"))


def test_an_access_token_is_no_hint(site: Any, signed_in: Any) -> None:
    """Every API that it was sent to has it (RFC 8725 §2.8)."""
    hint = site.tokens(signed_in.authorize()).access_token
    assert site.answer(signed_in.authorize(id_token_hint=hint, prompt="none"))["error"] == "login_required"
