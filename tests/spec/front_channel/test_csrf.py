"""Forms are taken from our own pages in the same browser only (CWE-352, RFC 6749 §10.12, RFC 9700 §4.7)."""

from typing import Any
from urllib.parse import urlencode

import pytest

PASSWORD = "thirty purple otters hum"


def forms(site: Any) -> list[tuple[str, Any, Any, dict[str, str]]]:
    """Every form of the server: its path, a browser in which it was shown, its page, and what is typed into it."""
    fresh, person = site.browser(), site.browser()
    person.sign_in()
    site.add_third_party()
    return [
        ("/sign-in", fresh, fresh.get("/sign-in"), {"username": site.user.email, "password": PASSWORD}),
        (
            "/sign-up",
            fresh,
            fresh.get("/sign-up"),
            {"username": "new@example.com", "name": "New", "password": "forty orange badgers hum"},
        ),
        ("/consent", person, person.authorize(client_id="other"), {"answer": "allow"}),
        ("/logout", person, person.get("/logout"), {}),
        (
            "/password",
            person,
            person.get("/password"),
            {"password": PASSWORD, "new_password": "forty orange badgers hum"},
        ),
        ("/sessions/end", person, person.get("/"), {"session_id": "x"}),
    ]


def refused(site: Any, response: Any) -> None:
    """A page that says so and offers the form anew; nothing has happened."""
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert "Try again" in response.text
    assert site.desk.run(site.desk.store.user_by_email("new@example.com")) is None
    assert site.desk.kinds() == ["sign_in.accepted"]


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://www.example.com"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://id.example.com"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://id.example.com"},
    {"Origin": "https://id.example.com:8443"},
    {"Origin": "https://id.example.com.evil.example"},
]


def test_a_form_without_its_token_or_with_another_is_refused(site: Any) -> None:
    """Missing, empty, twice, of another browser, cut short."""
    for path, browser, page, typed in forms(site):
        fields = {**browser.fields(page), **typed}
        token = fields.pop("csrf_token")
        stranger = site.browser()
        foreign = stranger.fields(stranger.get("/sign-in"))["csrf_token"]
        for wrong in (foreign, token[:-1], token + "A", "x", "é", [token, token]):
            refused(site, browser.post(path, {**fields, "csrf_token": wrong}))
        if path != "/logout":  # without a token it is a client's request there, and asks
            refused(site, browser.post(path, fields))


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_that_another_site_sent_is_refused_even_with_the_token(site: Any, headers: dict[str, str]) -> None:
    """Fetch Metadata, then Origin: a token that leaked is not enough."""
    for path, browser, page, typed in forms(site):
        refused(site, browser.post(path, {**browser.fields(page), **typed}, headers=headers))


def test_a_token_is_good_only_with_its_browsers_cookie(site: Any) -> None:
    """A keyed double-submit: the token alone, or with a cookie that somebody made up, is nothing."""
    for path, browser, page, typed in forms(site):
        form = {**browser.fields(page), **typed}
        thief = site.browser()
        refused(site, thief.post(path, form))
        thief.http.cookies.set("__Host-jotary-form", "A" * 43, domain="id.example.com")
        refused(site, thief.post(path, form))


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://id.example.com"}, {"Sec-Fetch-Site": "same-origin"}])
def test_browsers_that_send_no_such_headers_are_served(site: Any, headers: dict[str, str]) -> None:
    """The token decides for them."""
    browser = site.browser()
    form = {**browser.fields(browser.get("/sign-in")), "username": site.user.email, "password": PASSWORD}
    assert browser.post("/sign-in", form, headers=headers).status_code == 303


def test_a_form_that_was_left_open_can_be_had_anew_where_it_leads(site: Any) -> None:
    """Signing in in one tab makes the forms of the others stale: one click goes on, and the request is not lost."""
    browser = site.browser()
    path = site.return_to(browser.authorize())
    page = browser.get(browser.authorize().headers["location"])
    assert browser.sign_in().status_code == 303
    stale = browser.submit(page, "/sign-in", username=site.user.email, password=PASSWORD)
    assert stale.status_code == 403
    link = stale.text.partition('class="button" href="')[2].partition('"')[0].replace("&amp;", "&")
    again = browser.get(link)
    assert (again.status_code, again.headers["location"]) == (303, path)


def test_a_form_in_the_address_is_none(site: Any) -> None:
    """A link must do nothing, and what stands in an address is read by others: not even a good token counts there."""
    for path, browser, page, typed in forms(site):
        if path != "/logout":  # without a token it is a client's request there, and asks
            refused(site, browser.post(f"{path}?{urlencode({**browser.fields(page), **typed})}", {}))


def test_the_back_button_leads_to_no_form_of_who_has_signed_out(site: Any) -> None:
    """OWASP Session Management: a page of the person who was here before is good for nobody (CWE-613)."""
    shown = [form for form in forms(site) if form[1].cookies.get("__Host-jotary")]
    assert {path for path, *_ in shown} == {"/consent", "/logout", "/password", "/sessions/end"}
    person = shown[0][1]
    assert person.submit(person.get("/logout"), "/logout").status_code == 200
    before = site.desk.kinds()
    for path, browser, page, typed in shown:
        assert browser.submit(page, path, **typed).status_code == 403
    assert site.desk.kinds() == before
    assert site.desk.run(site.desk.store.consent(site.user.id, "other")) is None
