"""RFC 6749 §3.1, §4.1: the authorization endpoint over HTTP, on a real database."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from jotary.server.model.changes import EndSignIn, ReplaceUser

CALLBACK = "https://web.example.com/callback"


def test_a_code_comes_back_and_buys_tokens(site: Any, signed_in: Any) -> None:
    """§4.1.2, §4.1.3: the whole way, redeemed at the token endpoint with the verifier."""
    tokens = site.tokens(signed_in.authorize(nonce="n-0S6"))
    claims = site.desk.claims(tokens.id_token, typ="JWT")
    assert (claims["sub"], claims["aud"], claims["nonce"]) == (site.user.id, "web", "n-0S6")
    assert (claims["auth_time"], claims["amr"]) == (site.desk.now, ["pwd"])
    assert site.desk.claims(tokens.access_token)["scope"] == "openid todo:read"


def test_the_state_comes_back_as_it_was_sent(site: Any, signed_in: Any) -> None:
    """§4.1.2: byte for byte, whatever a client packs into it."""
    state = "a b+c%20&code=evil#x=é\"'<>\\/?"
    answer = site.answer(signed_in.authorize(state=state))
    assert answer["state"] == state
    assert answer["code"].startswith("jac_")


def test_without_a_state_none_comes_back(site: Any, signed_in: Any) -> None:
    """§4.1.2: only if it was sent; an empty one counts as not sent (§3.1)."""
    assert "state" not in site.answer(signed_in.authorize(state=None))
    assert "state" not in site.answer(signed_in.authorize(state=""))


def test_a_query_in_the_redirect_uri_is_kept(site: Any, signed_in: Any) -> None:
    """§3.1.2."""
    address = CALLBACK + "?tenant=a%20b"
    site.desk.change_client(site.client, redirect_uris=(address,))
    assert site.answer(signed_in.authorize(redirect_uri=address))["tenant"] == "a b"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": ["web", "web"]},
        {"client_id": "web\x01"},
        {"client_id": "WEB"},
        {"client_id": " web"},
        {"client_id": "web\u200b"},
        {"client_id": "\uff57eb"},
        {"redirect_uri": CALLBACK.replace("example", "ex\u0430mple")},
        {"redirect_uri": CALLBACK.replace("/callback", "\uff0fcallback")},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": [CALLBACK, CALLBACK]},
        {"redirect_uri": [CALLBACK, "https://evil.example/"]},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
def test_nobody_is_redirected_before_client_and_address_are_proved(signed_in: Any, changed: dict[str, Any]) -> None:
    """§4.1.2.1: the error is shown to the person, with status 400, whatever else is wrong."""
    for more in ({}, {"response_type": "token"}, {"prompt": "none"}):
        response = signed_in.authorize(**changed, **more)
        assert response.status_code == 400
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "location" not in response.headers
        assert "evil.example" not in response.text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/jwt"}, "request_uri_not_supported"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"scope": ["openid", "openid"]}, "invalid_request"),
        ({"display": "a\nb"}, "invalid_request"),
    ],
)
def test_then_errors_go_to_the_client_even_without_anybody_signed_in(
    site: Any, browser: Any, changed: dict[str, Any], error: str
) -> None:
    """§4.1.2.1: error, error_description, state; nobody is bothered with a request that cannot be granted."""
    answer = site.answer(browser.authorize(**changed))
    assert (answer["error"], answer["state"]) == (error, "s-1")
    assert "code" not in answer
    assert answer["error_description"].isascii()


def test_a_state_that_is_refused_is_not_echoed(site: Any, browser: Any) -> None:
    """A state that is too long or repeated cannot be given back as it was sent."""
    for state in ("s" * 2_049, ["a", "b"]):
        answer = site.answer(browser.authorize(state=state))
        assert answer["error"] == "invalid_request"
        assert "state" not in answer


def test_a_post_is_the_same_request(site: Any, signed_in: Any) -> None:
    """§3.1, OIDC Core §3.1.2.1: it becomes a GET, with which a browser sends SameSite=Lax cookies from another site."""
    other_site = {"Origin": "https://web.example.com", "Sec-Fetch-Site": "cross-site"}
    response = signed_in.post("/authorize", site.request(), headers=other_site)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/authorize?")
    assert site.answer(signed_in.get(response.headers["location"]))["state"] == "s-1"


def test_an_empty_request_is_refused_as_a_page(browser: Any) -> None:
    """§3.1: by GET and by POST."""
    response = browser.post("/authorize", {}, headers={})
    assert browser.get(response.headers["location"]).status_code == 400
    assert browser.get("/authorize").status_code == 400


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_same_request(site: Any, browser: Any) -> None:
    """§3.1: the server authenticates the person first."""
    path = site.return_to(browser.authorize())
    response = browser.sign_in(path)
    assert response.status_code == 303
    assert site.answer(browser.get(response.headers["location"]))["state"] == "s-1"


def test_a_sign_in_that_is_over_is_none(site: Any, signed_in: Any) -> None:
    """Idle, absolute, ended, or of a person who was disabled: the cookie opens nothing."""
    assert "code" in site.answer(signed_in.authorize())
    now = site.desk.now
    site.desk.now = now + site.desk.settings.sign_in_idle_lifetime
    assert site.return_to(signed_in.authorize())
    site.desk.now = now
    site.desk.write(ReplaceUser(msgspec.structs.replace(site.user, disabled_at=now)))
    assert site.return_to(signed_in.authorize())
    site.desk.write(ReplaceUser(site.user))
    code = site.desk.run(site.desk.store.sign_in(site.sign_in_id(signed_in)))
    site.desk.write(EndSignIn(code.id, now))
    assert site.return_to(signed_in.authorize())


def test_an_idle_sign_in_is_kept_alive_by_use_but_not_beyond_its_absolute_end(site: Any, signed_in: Any) -> None:
    """Idle time counts from the last use; the absolute end does not move."""
    settings, start = site.desk.settings, site.desk.now
    step = settings.sign_in_idle_lifetime - 1
    while site.desk.now + step < start + settings.sign_in_lifetime:
        site.desk.now += step
        assert "code" in site.answer(signed_in.authorize())
    site.desk.now = start + settings.sign_in_lifetime
    assert site.return_to(signed_in.authorize())


def test_a_code_that_was_issued_dies_with_its_sign_in(site: Any, signed_in: Any) -> None:
    """Signing out between the code and its redemption."""
    answer = site.answer(signed_in.authorize())
    site.desk.write(EndSignIn(site.sign_in_id(signed_in), site.desk.now))
    form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": CALLBACK}
    assert site.desk.refused(site.desk.ask, site.client, code_verifier="v" * 43, **form).error == "invalid_grant"


@pytest.mark.parametrize("cookie", ["", "x", "A" * 42, "A" * 43, "A" * 44, "A" * 5_000, "é" * 43, '"; drop'])
def test_a_cookie_that_we_did_not_set_opens_nothing(site: Any, browser: Any, cookie: str) -> None:
    """A cookie is a guess until its hash is found."""
    headers = {"Cookie": f"__Host-jotary={cookie}".encode()}
    response = browser.request("GET", site.authorize_path(), headers=headers)
    assert site.return_to(response)


def test_a_request_that_grows_too_large_when_it_is_carried_along_is_refused(site: Any, browser: Any) -> None:
    """It must fit into the address of the sign-in page; characters that need no escape here may need one there."""
    query = urlencode(site.request()) + "&x=" + ":" * 7_500
    assert browser.get(f"/authorize?{query}").status_code == 414


def test_a_head_request_issues_nothing(site: Any, signed_in: Any) -> None:
    """Link checkers and prefetching mail programs send them (RFC 9110 §9.3.2)."""
    response = signed_in.request("HEAD", site.authorize_path())
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert response.content == b""
