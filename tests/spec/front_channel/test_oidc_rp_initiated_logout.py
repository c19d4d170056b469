"""OpenID Connect RP-Initiated Logout 1.0, over HTTP on a real database."""

from typing import Any
from urllib.parse import urlencode

import pytest

CALLBACK = "https://web.example.com/callback"
GOODBYE = "https://web.example.com/goodbye"


def session(site: Any, answer: Any) -> Any:
    """The session behind some tokens."""
    return site.desk.session(site.desk.claims(answer.access_token)["sid"])


def leave(browser: Any, **sent: str) -> Any:
    """Send the browser to the end session endpoint."""
    return browser.get(f"/logout?{urlencode(sent)}")


def is_signed_in(site: Any, browser: Any) -> bool:
    """Whether the browser gets a code without being asked."""
    return "code" in site.answer(browser.authorize(prompt="none"))


def test_with_the_persons_id_token_everything_ends_and_the_browser_returns(site: Any, signed_in: Any) -> None:
    """§2, §3, §4: sign-in, sessions and cookie are gone; state comes back."""
    mine = site.tokens(signed_in.authorize())
    old = signed_in.cookies["__Host-jotary"]
    response = leave(signed_in, id_token_hint=mine.id_token, post_logout_redirect_uri=GOODBYE, state="x y")
    assert (response.status_code, response.headers["location"]) == (303, f"{GOODBYE}?state=x+y")
    (cookie,) = response.headers.get_list("set-cookie")
    assert cookie.startswith('__Host-jotary="";')
    assert all(attribute in cookie for attribute in ("Max-Age=0", "Secure", "HttpOnly", "Path=/"))
    assert "__Host-jotary" not in signed_in.cookies
    assert session(site, mine).end_reason == "signed_out"
    assert site.desk.refused(site.desk.refresh, site.client, mine.refresh_token).error == "invalid_grant"
    signed_in.http.cookies.set("__Host-jotary", old, domain="id.example.com")
    assert not is_signed_in(site, signed_in)


def test_a_cut_off_is_published_for_every_session_that_ends(site: Any, signed_in: Any) -> None:
    """Design §6.3: APIs refuse its access tokens without a call."""
    mine = site.tokens(signed_in.authorize())
    leave(signed_in, id_token_hint=mine.id_token)
    sid = session(site, mine).id
    found = site.desk.run(site.desk.store.revocation("sid", sid, now=site.desk.now))
    assert found.issued_before >= site.desk.now
    assert found.expires_at > site.desk.claims(mine.access_token)["exp"]


def test_a_session_that_was_to_outlive_the_sign_in_does_unless_its_own_client_ends_it(
    site: Any, signed_in: Any
) -> None:
    """OIDC Core §11 (offline_access); the hint's `sid` ends even then."""
    offline = site.tokens(signed_in.authorize(scope="openid offline_access"))
    online = site.tokens(signed_in.authorize())
    leave(signed_in, id_token_hint=online.id_token)
    assert session(site, online).ended_at is not None
    assert session(site, offline).ended_at is None
    leave(signed_in, id_token_hint=offline.id_token)
    assert session(site, offline).ended_at is not None


def test_a_post_from_the_clients_site_is_the_same_request(site: Any, signed_in: Any) -> None:
    """§2: GET and POST; it becomes a GET, so that the cookie comes along."""
    form = {"id_token_hint": site.tokens(signed_in.authorize()).id_token, "post_logout_redirect_uri": GOODBYE}
    headers = {"Origin": "https://web.example.com", "Sec-Fetch-Site": "cross-site"}
    response = signed_in.post("/logout", form, headers=headers)
    assert response.headers["location"].startswith("/logout?")
    assert signed_in.get(response.headers["location"]).headers["location"] == GOODBYE


def test_an_expired_id_token_will_do(site: Any, signed_in: Any) -> None:
    """§4."""
    hint = site.tokens(signed_in.authorize()).id_token
    site.desk.now += 3_600
    assert leave(signed_in, id_token_hint=hint, post_logout_redirect_uri=GOODBYE).status_code == 303


@pytest.mark.parametrize("sent", [{}, {"client_id": "web"}, {"client_id": "web", "post_logout_redirect_uri": GOODBYE}])
def test_without_the_persons_id_token_they_are_asked(site: Any, signed_in: Any, sent: dict[str, str]) -> None:
    """§6: a link on another site must not sign anybody out; after the button it does."""
    page = leave(signed_in, **sent)
    assert page.status_code == 200
    assert is_signed_in(site, signed_in)
    response = signed_in.submit(page, "/logout")
    assert not is_signed_in(site, signed_in)
    if "post_logout_redirect_uri" in sent:
        assert response.headers["location"] == GOODBYE
    else:
        assert response.status_code == 200


def test_somebody_elses_id_token_asks_and_a_forged_one_proves_nothing(site: Any, signed_in: Any) -> None:
    """§2: the hint must be of the person who is signed in, signed by us."""
    bob = site.add_user("bob@example.com", "forty orange badgers hum")
    other = site.browser()
    other.sign_in(username=bob.email, password="forty orange badgers hum")
    mine = site.tokens(signed_in.authorize())
    for hint in (site.tokens(other.authorize()).id_token, mine.id_token[:-8] + "AAAAAAAA", mine.access_token, "x"):
        assert leave(signed_in, id_token_hint=hint, post_logout_redirect_uri=GOODBYE).status_code == 200
        assert is_signed_in(site, signed_in)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        GOODBYE + "/",
        GOODBYE + "?x=1",
        CALLBACK,
        "//web.example.com/goodbye",
        "https://web.example.com@evil.example/goodbye",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(site: Any, signed_in: Any, address: str) -> None:
    """§3: the person is signed out all the same, and stays here."""
    hint = site.tokens(signed_in.authorize()).id_token
    response = leave(signed_in, id_token_hint=hint, post_logout_redirect_uri=address)
    assert response.status_code == 200
    assert "location" not in response.headers
    assert "evil" not in response.text
    assert not is_signed_in(site, signed_in)


def test_the_hint_of_one_client_does_not_serve_another(site: Any, signed_in: Any) -> None:
    """§2: client_id and the audience of the hint must be the same."""
    site.add_third_party(post_logout_redirect_uris=("https://other.example/bye",))
    hint = site.tokens(signed_in.authorize()).id_token
    assert leave(signed_in, id_token_hint=hint, client_id="other").status_code == 400
    sent = {"id_token_hint": hint, "post_logout_redirect_uri": "https://other.example/bye"}
    assert "location" not in leave(signed_in, **sent).headers


@pytest.mark.parametrize(
    "query", ["client_id=web&client_id=web", "state=a&state=b", "state=" + "x" * 2_049, "id_token_hint=%ff", "x=%00"]
)
def test_a_malformed_request_ends_nothing(site: Any, signed_in: Any, query: str) -> None:
    """RFC 6749 §3.1's rules hold here too."""
    assert signed_in.get(f"/logout?{query}").status_code == 400
    assert is_signed_in(site, signed_in)


def test_signing_out_twice_is_no_error(site: Any, signed_in: Any) -> None:
    """The person wanted to be signed out, and is."""
    hint = site.tokens(signed_in.authorize()).id_token
    for _ in range(2):
        assert leave(signed_in, id_token_hint=hint, post_logout_redirect_uri=GOODBYE).status_code == 303
    assert leave(signed_in).status_code == 200
    assert site.desk.kinds().count("sign_in.ended") == 1


def test_who_is_not_signed_in_is_offered_the_way_back_and_not_sent(site: Any, browser: Any) -> None:
    """A client's name proves nothing; its registered address may be a link."""
    page = leave(browser, client_id="web", post_logout_redirect_uri=GOODBYE)
    assert page.status_code == 200
    assert f'href="{GOODBYE}"' in page.text


def test_a_head_request_signs_nobody_out(site: Any, signed_in: Any) -> None:
    """Link checkers send them."""
    hint = site.tokens(signed_in.authorize()).id_token
    assert signed_in.request("HEAD", f"/logout?id_token_hint={hint}").status_code == 405
    assert is_signed_in(site, signed_in)


def test_a_post_that_is_too_large_for_an_address_is_refused(site: Any, signed_in: Any) -> None:
    """RFC 9110 §15.5.15: it would come back as a GET that is refused without saying what was wrong."""
    answer = signed_in.post("/logout", {"state": "é" * 2_000})
    assert answer.status_code == 414
    assert "location" not in answer.headers
    assert is_signed_in(site, signed_in)
