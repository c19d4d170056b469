"""The one list of checks of `/authorize`: what each refuses, in which order, and where its refusal goes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jotary.oauth import pkce
from jotary.oauth.parameters import Parameters
from jotary.server.flows.authorization_request import (
    ORDER,
    AuthorizationRequest,
    ErrorPage,
    RedirectError,
    Refusal,
    read_request,
)
from jotary.server.model.client import Client

CALLBACK = "https://app.example/callback"
TODO = "https://todo.example"
CLIENT = Client(
    id="app",
    name="App",
    type="web",
    token_endpoint_auth_method="none",
    redirect_uris=(CALLBACK, f"{CALLBACK}?tenant=1"),
    grant_types=("authorization_code",),
    scopes=("openid", "offline_access", "todo:read", "todo:write"),
    audiences=(TODO, "https://calendar.example"),
    created_at=0,
)
GOOD: dict[str, Any] = {
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid todo:read",
    "state": "s",
    "code_challenge": pkce.challenge("v" * 43),
    "code_challenge_method": "S256",
}


def read(client: Client | None = CLIENT, **changed: Any) -> AuthorizationRequest | ErrorPage | RedirectError:
    """Check a good request that is changed; None leaves a parameter out, a list repeats it."""
    merged = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    pairs = [(name, one) for name, value in merged.items() for one in (value if isinstance(value, list) else [value])]
    return read_request(Parameters(pairs), client)


def accepted(**changed: Any) -> AuthorizationRequest:
    """The record of a request that must pass."""
    request = read(**changed)
    assert isinstance(request, AuthorizationRequest)
    return request


def test_a_good_request_becomes_a_record() -> None:
    """RFC 6749 §4.1.1, RFC 7636 §4.3, OIDC Core §3.1.2.1."""
    request = accepted(
        nonce="n", prompt="login consent", max_age="60", login_hint="a@b.example", id_token_hint="h", resource=TODO
    )
    assert request.client == CLIENT
    assert (request.redirect_uri, request.state, request.nonce) == (CALLBACK, "s", "n")
    assert request.scopes == ("openid", "todo:read")
    assert request.resources == (TODO,)
    assert request.prompts == {"login", "consent"}
    assert (request.max_age, request.login_hint, request.id_token_hint) == (60, "a@b.example", "h")
    assert request.code_challenge == GOOD["code_challenge"]


def test_what_nobody_declared_is_ignored() -> None:
    """RFC 6749 §3.1; ui_locales is a wish that need not be heard (OIDC Core §3.1.2.1)."""
    assert accepted(ui_locales="fr", acr_values="x", display="popup", anything="y") == accepted()


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "s" * 2_048},
        {"nonce": "n" * 512},
        {"login_hint": "x" * 254},
        {"max_age": "9" * 9},
        {"response_mode": "query"},
        {"scope": " ".join(CLIENT.scopes)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_is_just_within_the_limits_passes_as_it_is(changed: dict[str, Any]) -> None:
    """A limit that is off by one would lock out who keeps to what is documented."""
    request = accepted(**changed)
    for name in changed.keys() & {"state", "nonce", "login_hint"}:
        assert getattr(request, name) == changed[name]


def test_a_request_without_resource_is_for_all_apis_of_the_client() -> None:
    """RFC 8707 §2.2: the server says what a request without one means."""
    assert accepted().resources == CLIENT.audiences


def test_a_request_without_pkce_is_told_so() -> None:
    """RFC 7636 §4.4.1: the description says that a code challenge is required, whichever half of it is missing."""
    for changed in ({"code_challenge": None}, {"code_challenge": None, "code_challenge_method": None}):
        refused = read(**changed)
        assert isinstance(refused, RedirectError)
        assert refused.error.description == "PKCE is required."


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": None},
        {"redirect_uri": [CALLBACK, CALLBACK]},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": CALLBACK + "#f"},
        {"redirect_uri": CALLBACK.upper()},
        {"redirect_uri": "http://app.example/callback"},
        {"redirect_uri": "https://app.example:443/callback"},
        {"redirect_uri": "https://app.example/../callback"},
        {"redirect_uri": "https://app.example/callback/../callback"},
        {"redirect_uri": "https://app.example%2f@evil.example/callback"},
        {"redirect_uri": "https://app.example@evil.example/callback"},
        {"redirect_uri": "https://app.example.evil.example/callback"},
        {"redirect_uri": "https://app.example\\@evil.example/callback"},
        {"redirect_uri": "//app.example/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": CALLBACK + "\r\nX: y"},
    ],
)
def test_until_the_redirect_uri_is_proved_every_refusal_is_a_page(changed: dict[str, Any]) -> None:
    """RFC 6749 §4.1.2.1, RFC 9700 §4.11: whatever else is wrong with the request, too."""
    assert isinstance(read(**changed), ErrorPage)
    assert isinstance(read(**changed, response_type="token", code_challenge=None, scope="evil"), ErrorPage)


def test_an_unknown_client_is_a_page_whatever_else_it_sends() -> None:
    """RFC 6749 §4.1.2.1."""
    for request in (read(None), read(None, redirect_uri="https://evil.example"), read(None, state=["a", "b"])):
        assert isinstance(request, ErrorPage)
        assert request.error.error == "invalid_client"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"state": "s" * 2_049}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"scope": ["openid", "openid"]}, "invalid_request"),
        ({"client_id": ["app", "app"]}, "invalid_request"),
        ({"unknown": ["a", "b"]}, "invalid_request"),
        ({"nonce": "n\n"}, "invalid_request"),
        ({"unknown": "\x7f"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "CODE"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "FORM_POST"}, "invalid_request"),
        ({"response_mode": "form_post.jwt"}, "invalid_request"),
        ({"response_mode": ["form_post", "form_post"]}, "invalid_request"),
        ({"response_mode": ["query", "form_post"]}, "invalid_request"),
        ({"state": "a\nb"}, "invalid_request"),
        ({"state": "a\x85b"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "v" * 42}, "invalid_request"),
        ({"code_challenge": "v" * 44}, "invalid_request"),
        ({"code_challenge": "+" * 43}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"scope": "openid  todo:read"}, "invalid_scope"),
        ({"scope": 'to"do'}, "invalid_scope"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"resource": [TODO, "https://other.example"]}, "invalid_target"),
        ({"resource": TODO + "/"}, "invalid_target"),
        ({"resource": TODO + "#x"}, "invalid_target"),
        ({"resource": "todo"}, "invalid_target"),
        ({"prompt": "create"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1.5"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"max_age": "1" * 10}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
    ],
)
def test_then_every_refusal_goes_to_the_client_with_its_standard_error(changed: dict[str, Any], error: str) -> None:
    """RFC 6749 §4.1.2.1, RFC 7636 §4.4.1, RFC 8707 §2, OIDC Core §3.1.2.6."""
    refused = read(**changed)
    assert isinstance(refused, RedirectError)
    assert refused.error.error == error
    assert (refused.redirect_uri, refused.response_mode) == (CALLBACK, "query")
    assert refused.state == (None if "state" in changed else "s")


def test_a_mode_that_is_not_spoken_is_told_from_one_that_does_not_fit() -> None:
    """What an integrator must change is another thing: the mode, or the redirect URI."""
    refused = read(response_mode="web_message")
    assert isinstance(refused, RedirectError)
    assert refused.error.description == "The response_mode is not supported."
    assert refused.error.hint == "Send one of: query, form_post; or leave it out."


def test_an_answer_goes_back_as_it_was_asked_for() -> None:
    """OAuth 2.0 Multiple Response Type Encoding Practices §2.1: a code is answered in the query by default."""
    assert accepted().response_mode == accepted(response_mode="query").response_mode == "query"
    assert accepted(response_mode="form_post").response_mode == "form_post"
    for wrong in ({"response_type": "id_token"}, {"scope": "admin"}, {"state": "s" * 2_049}, {"x": ["a", "b"]}):
        refused = read(**wrong, response_mode="form_post")
        assert isinstance(refused, RedirectError)
        assert refused.response_mode == "form_post"


@pytest.mark.parametrize(
    ("redirect_uri", "is_possible"),
    [
        ("https://app.example/callback", True),
        ("HTTPS://app.example/callback", True),
        ("http://127.0.0.1:51004/callback", True),
        ("http://[::1]/callback", True),
        ("com.example.app:/callback", False),
        ("https.app:/callback", False),
    ],
)
def test_a_form_is_sent_only_where_a_form_can_go(redirect_uri: str, is_possible: bool) -> None:
    """RFC 8252 §7.1: an app with a scheme of its own gets an address and no body, so the refusal goes in the query."""
    registered = (redirect_uri.replace(":51004", ""),)
    native = msgspec.structs.replace(CLIENT, type="native", redirect_uris=registered)
    answer = read(native, redirect_uri=redirect_uri, response_mode="form_post")
    if is_possible:
        assert isinstance(answer, AuthorizationRequest)
        assert answer.response_mode == "form_post"
    else:
        assert isinstance(answer, RedirectError)
        assert (answer.response_mode, answer.error.error) == ("query", "invalid_request")
        assert "redirect URI" in answer.error.description


def test_a_client_without_the_grant_gets_no_code() -> None:
    """RFC 6749 §4.1.2.1: unauthorized_client."""
    refused = read(msgspec.structs.replace(CLIENT, grant_types=("refresh_token",)))
    assert isinstance(refused, RedirectError)
    assert refused.error.error == "unauthorized_client"


def test_pkce_is_required_of_a_confidential_client_too() -> None:
    """RFC 9700 §2.1.1."""
    confidential = msgspec.structs.replace(CLIENT, token_endpoint_auth_method="client_secret_basic")
    assert isinstance(read(confidential, code_challenge=None), RedirectError)


def test_resources_may_be_repeated_and_count_once() -> None:
    """RFC 8707 §2: the one parameter that may."""
    assert accepted(resource=[TODO, "https://calendar.example", TODO]).resources == (TODO, "https://calendar.example")


def test_a_request_without_scope_asks_for_what_need_not_be_asked_by_name() -> None:
    """RFC 6749 §3.3: a default, which holds neither openid nor offline_access."""
    assert accepted(scope=None).scopes == ("todo:read", "todo:write")
    refused = read(msgspec.structs.replace(CLIENT, scopes=("openid",)), scope=None)
    assert isinstance(refused, RedirectError)
    assert refused.error.error == "invalid_scope"


def test_a_native_client_may_return_to_any_port_of_its_loopback_address() -> None:
    """RFC 8252 §7.3; a web client may not."""
    registered = ("http://127.0.0.1/callback",)
    native = msgspec.structs.replace(CLIENT, type="native", redirect_uris=registered)
    web = msgspec.structs.replace(CLIENT, redirect_uris=registered)
    address = "http://127.0.0.1:51004/callback"
    assert isinstance(read(native, redirect_uri=address), AuthorizationRequest)
    assert isinstance(read(web, redirect_uri=address), ErrorPage)


def test_a_hint_that_is_too_long_is_no_hint() -> None:
    """It is only a wish (OIDC Core §3.1.2.1), so it refuses nothing."""
    assert accepted(login_hint="x" * 255).login_hint is None


def test_pages_come_before_redirects_in_the_order() -> None:
    """RFC 9700 §4.11: no refusal is redirected before the address is proved."""
    refusals = [refusal for _, refusal in ORDER]
    assert refusals == sorted(refusals, key=lambda refusal: refusal is Refusal.REDIRECT)
    assert refusals.count(Refusal.PAGE) == 1


@given(st.dictionaries(st.sampled_from([*GOOD, "prompt", "resource", "max_age", "nonce", "request"]), st.text()))
def test_no_request_is_redirected_anywhere_but_to_a_registered_address(changed: dict[str, str]) -> None:
    """RFC 9700 §4.11, whatever is sent; and nothing but a standard answer comes out."""
    answer = read(CLIENT, **changed)
    if isinstance(answer, AuthorizationRequest | RedirectError):
        assert answer.redirect_uri in CLIENT.redirect_uris
