"""Asking about third-party clients (OIDC Core §3.1.2.4, RFC 9700 §4.16, CWE-1021)."""

from typing import Any

import msgspec
import pytest


def ask(site: Any, browser: Any, **changed: Any) -> Any:
    """The page that a third-party client's request leads to."""
    return browser.authorize(**{"client_id": "other", **changed})


@pytest.fixture(autouse=True)
def third_party(site: Any) -> Any:
    """A client that is not the operator's own."""
    return site.add_third_party()


def test_the_person_is_told_who_asks_for_what_and_where_it_goes(site: Any, signed_in: Any) -> None:
    """In words; a scope without words by its name."""
    page = ask(site, signed_in, scope="openid email offline_access todo:write")
    assert page.status_code == 200
    for text in ("Somebody&#39;s App", "See your e-mail address", "todo:write", "web.example.com", site.user.email):
        assert text in page.text


def test_the_operators_own_words_come_first(site: Any, signed_in: Any) -> None:
    """`scope_descriptions`."""
    site.rebuild(scope_descriptions={"todo:write": "Change your to-do list", "email": "Learn your address"})
    browser = site.browser()
    browser.sign_in()
    page = ask(site, browser, scope="email todo:write").text
    assert "Change your to-do list" in page
    assert "Learn your address" in page


def test_allowing_issues_the_code_and_is_remembered(site: Any, signed_in: Any) -> None:
    """The same scopes, or a part of them, ask no more; another one does."""
    page = ask(site, signed_in, scope="openid todo:read todo:write")
    assert "code" in site.answer(signed_in.submit(page, "/consent", answer="allow"))
    assert "code" in site.answer(ask(site, signed_in, scope="todo:read"))
    assert ask(site, signed_in, scope="openid email").status_code == 200


def test_what_was_allowed_at_one_api_is_asked_anew_at_another(site: Any, signed_in: Any) -> None:
    """RFC 8707 §2: the page names the API, so the answer is about no other."""
    page = ask(site, signed_in, scope="todo:read", resource=site.client.audiences[0])
    assert site.client.audiences[1] not in page.text
    assert "code" in site.answer(signed_in.submit(page, "/consent", answer="allow"))
    assert "code" in site.answer(ask(site, signed_in, scope="todo:read", resource=site.client.audiences[0]))
    page = ask(site, signed_in, scope="todo:read", resource=site.client.audiences[1])
    assert site.client.audiences[1] in page.text
    assert ask(site, signed_in, scope="todo:read").status_code == 200


def test_denying_is_told_to_the_client_and_remembered_nowhere(site: Any, signed_in: Any) -> None:
    """RFC 6749 §4.1.2.1: access_denied, with the state."""
    answer = site.answer(signed_in.submit(ask(site, signed_in), "/consent", answer="deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "s-1")
    assert ask(site, signed_in).status_code == 200


@pytest.mark.parametrize("answer", ["", "ALLOW", "yes", "1"])
def test_only_the_button_allows(site: Any, signed_in: Any, answer: str) -> None:
    """Anything else is a no."""
    assert site.answer(signed_in.submit(ask(site, signed_in), "/consent", answer=answer))["error"] == "access_denied"


def test_prompt_consent_asks_always_and_ends(site: Any, signed_in: Any) -> None:
    """OIDC Core §3.1.2.1: of a first-party client too; and one answer is enough."""
    for client_id in ("other", "web"):
        for _ in range(2):
            page = ask(site, signed_in, client_id=client_id, prompt="consent")
            assert page.status_code == 200
            assert "code" in site.answer(signed_in.submit(page, "/consent", answer="allow"))


def test_an_address_in_the_form_is_proved_anew(site: Any, signed_in: Any) -> None:
    """The form carries the request; whoever changes it gains nothing."""
    page = ask(site, signed_in)
    honest = signed_in.fields(page)["request"]
    for changed, status in (
        (honest.replace("web.example.com", "evil.example"), 400),
        (honest.replace("client_id=other", "client_id=nobody"), 400),
        (honest.replace("todo%3Aread", "admin"), 303),
        ("", 400),
        ("//evil.example", 400),
        (honest + "#x", 400),
    ):
        for answer in ("allow", "deny"):
            response = signed_in.submit(page, "/consent", request=changed, answer=answer)
            assert response.status_code == status
            if status == 303:
                assert site.answer(response)["error"] == "invalid_scope"


def test_allowing_does_not_outlive_the_sign_in(site: Any, signed_in: Any) -> None:
    """A page of yesterday: the person signs in again before anything is issued."""
    page = ask(site, signed_in)
    site.desk.now += site.desk.settings.sign_in_idle_lifetime
    assert site.return_to(signed_in.submit(page, "/consent", answer="allow"))


def test_a_page_that_asked_one_person_cannot_be_answered_by_another(site: Any, signed_in: Any) -> None:
    """The token in the form stands for the sign-in: somebody else has sat down at the browser."""
    page = ask(site, signed_in)
    bob = site.add_user("bob@example.com", "forty orange badgers hum")
    path = site.authorize_path(prompt="login")
    assert signed_in.sign_in(path, username=bob.email, password="forty orange badgers hum").status_code == 303
    assert signed_in.submit(page, "/consent", answer="allow").status_code == 403
    assert site.desk.run(site.desk.store.consent(bob.id, "other")) is None


def test_what_was_taken_from_the_client_meanwhile_is_not_allowed(site: Any, signed_in: Any, third_party: Any) -> None:
    """Everything is checked again when the button is pressed."""
    page = ask(site, signed_in)
    site.desk.change_client(third_party, scopes=("openid",))
    assert site.answer(signed_in.submit(page, "/consent", answer="allow"))["error"] == "invalid_scope"
    site.desk.change_client(msgspec.structs.replace(third_party, redirect_uris=()))
    assert signed_in.submit(page, "/consent", answer="allow").status_code == 400


def test_a_native_clients_address_is_named_as_what_it_is(site: Any, signed_in: Any) -> None:
    """There is no host to recognise: this device, or an app."""
    uris = ("http://127.0.0.1/callback", "com.example.app:/callback")
    site.desk.add_public_client("native", redirect_uris=uris)
    assert "this device" in ask(site, signed_in, client_id="native", redirect_uri="http://127.0.0.1:5100/callback").text
    assert "the app com.example.app" in ask(site, signed_in, client_id="native", redirect_uri=uris[1]).text


def test_what_a_native_client_was_allowed_is_asked_again(site: Any, signed_in: Any) -> None:
    """RFC 8252 §8.6, RFC 6749 §10.2: another program of the device could say that it is this client."""
    site.desk.add_public_client("native")
    for _ in range(2):
        page = ask(site, signed_in, client_id="native")
        assert page.status_code == 200
        assert "code" in site.answer(signed_in.submit(page, "/consent", answer="allow"))
    assert site.answer(ask(site, signed_in, client_id="native", prompt="none"))["error"] == "consent_required"


@pytest.mark.parametrize(("grant_types", "words"), [(("refresh_token",), "90 days"), ((), "5 minutes")])
def test_the_person_is_told_for_how_long(site: Any, signed_in: Any, grant_types: tuple[str, ...], words: str) -> None:
    """OWASP ASVS 5.0 10.7.2: the session's absolute end, or that of the only access token."""
    site.add_third_party("another", grant_types=("authorization_code", *grant_types))
    assert f"For {words} at most" in ask(site, signed_in, client_id="another").text


def test_who_is_asked_can_sign_out_instead(site: Any, signed_in: Any) -> None:
    """OWASP ASVS 5.0 7.4.4: every page that shows an account has the way out."""
    for page in (ask(site, signed_in), signed_in.get("/")):
        assert site.user.email in page.text
        assert 'href="/logout"' in page.text or 'action="/logout"' in page.text


def test_the_audit_trail_tells_what_was_allowed(site: Any, signed_in: Any) -> None:
    """For whoever has to answer for it."""
    signed_in.submit(ask(site, signed_in), "/consent", answer="allow")
    (event,) = [event for event in site.desk.events() if event.kind == "consent.granted"]
    assert (event.user_id, event.client_id, event.detail) == (
        site.user.id,
        "other",
        {"scopes": ["openid", "todo:read"]},
    )
