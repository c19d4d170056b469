"""OAuth 2.0 Form Post Response Mode: the answer of `/authorize` as a form that goes to the client."""

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from typing import Any, Final

import pytest

CALLBACK: Final = "https://web.example.com/callback"
ISSUER: Final = "https://id.example.com"
#: What would leave an attribute, an element, or the script, if anything did not escape it.
HOSTILE: Final = "\"><script>alert(1)</script><form action='https://evil.example/'>&quot;&#34;</form>`${x}`%22 é\u2028"


class Page(HTMLParser):
    """A page as a browser reads it: its elements in order, and the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a script's text."""
        if self.elements and self.elements[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def answer(self, callback: str = CALLBACK) -> dict[str, str | None]:
        """What the one form sends to the client."""
        (form,) = self.all("form")
        assert form == {"method": "post", "action": callback}
        assert all(field["type"] == "hidden" for field in self.all("input"))
        names = [field["name"] for field in self.all("input")]
        assert len(names) == len(set(names)), "no parameter is sent twice"
        return {str(field["name"]): field["value"] for field in self.all("input")}


def posted(response: Any) -> Page:
    """The page of an answer that goes by form, and goes nowhere else."""
    assert response.status_code == 200, response.text
    assert "location" not in response.headers
    return Page(response.text)


def test_a_code_goes_by_form_and_buys_tokens(site: Any, signed_in: Any) -> None:
    """§2, RFC 9207 §2: every parameter of the answer is a field, `state` and `iss` among them."""
    answer = posted(signed_in.authorize(response_mode="form_post")).answer()
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("s-1", ISSUER)
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": "v" * 43}
    assert site.desk.ask(site.client, code=answer["code"], **form).access_token


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"prompt": "none"}, "login_required"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ],
)
def test_an_error_goes_by_form_too(browser: Any, changed: dict[str, Any], error: str) -> None:
    """§2, RFC 6749 §4.1.2.1: also what is refused before the mode itself is looked at."""
    answer = posted(browser.authorize(response_mode="form_post", **changed)).answer()
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s-1", ISSUER)
    assert "code" not in answer


@pytest.mark.parametrize(("button", "name"), [("allow", "code"), ("deny", "error")])
def test_what_a_person_answers_goes_by_form(site: Any, signed_in: Any, button: str, name: str) -> None:
    """§2: the mode is still known behind the consent page."""
    site.add_third_party()
    question = signed_in.authorize(client_id="other", response_mode="form_post")
    assert name in posted(signed_in.submit(question, "/consent", answer=button)).answer()


def test_the_mode_outlives_signing_in(site: Any, browser: Any) -> None:
    """§2: from the request through the form for the password and back."""
    response = browser.sign_in(site.return_to(browser.authorize(response_mode="form_post", prompt="login")))
    assert "code" in posted(browser.get(response.headers["location"])).answer()


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": [CALLBACK, "https://evil.example/"]},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
def test_no_form_goes_anywhere_before_client_and_address_are_proved(signed_in: Any, changed: dict[str, Any]) -> None:
    """RFC 6749 §4.1.2.1, RFC 9700 §4.11: the person sees the error, whatever mode is asked for."""
    response = signed_in.authorize(response_mode="form_post", **changed)
    assert response.status_code == 400
    assert not Page(response.text).all("form")
    assert "script-src" not in response.headers["content-security-policy"]
    assert "evil.example" not in response.text


@pytest.mark.parametrize("mode", ["fragment", "web_message", "jwt", "form_post ", ["form_post", "query"]])
def test_another_mode_is_refused_in_the_query(site: Any, signed_in: Any, mode: Any) -> None:
    """Multiple Response Type Encoding Practices §2.1: the default of a code; one that is sent twice is none."""
    answer = site.answer(signed_in.authorize(response_mode=mode))
    assert (answer["error"], answer["state"], answer["iss"]) == ("invalid_request", "s-1", ISSUER)


def test_an_app_with_a_scheme_of_its_own_gets_the_refusal_in_the_query(site: Any, signed_in: Any) -> None:
    """RFC 8252 §7.1: there, nothing reads a body."""
    address = "com.example.app:/callback"
    site.desk.add_client("app", type="native", redirect_uris=(address,), token_endpoint_auth_method="none")
    response = signed_in.authorize(client_id="app", redirect_uri=address, response_mode="form_post")
    assert site.answer(response, address)["error"] == "invalid_request"


def test_nothing_that_a_client_sends_becomes_markup(signed_in: Any) -> None:
    """CWE-79: the state comes back character by character, as the value of a field and as nothing else."""
    harmless = posted(signed_in.authorize(response_mode="form_post"))
    page = posted(signed_in.authorize(response_mode="form_post", state=HOSTILE))
    assert page.answer()["state"] == HOSTILE
    assert [name for name, _ in page.elements] == [name for name, _ in harmless.elements]
    assert page.scripts == harmless.scripts


def test_the_redirect_uri_is_escaped_and_keeps_its_query(site: Any, signed_in: Any) -> None:
    """CWE-79, RFC 6749 §3.1.2: with every character that may be registered; a form's answer leaves the query alone."""
    address = CALLBACK + "?a='&b=%22%3E&copy=1&code=old&x=!$*()[]~"
    site.desk.change_client(site.client, redirect_uris=(address,))
    page = posted(signed_in.authorize(redirect_uri=address, response_mode="form_post"))
    assert "code" in page.answer(address)


def test_a_state_with_a_line_end_is_refused_and_not_given_back_changed(browser: Any) -> None:
    """RFC 6749 Appendix A.5; a browser sends every line end of a form as CR LF (HTML, "form submission")."""
    for state in ("a\nb", "a\rb", "a\x85b"):
        answer = posted(browser.authorize(response_mode="form_post", state=state)).answer()
        assert answer["error"] == "invalid_request"
        assert "state" not in answer


def test_the_longest_answer_is_complete(site: Any, signed_in: Any) -> None:
    """State and redirect URI at their bounds; nothing is cut off where characters grow when they are escaped."""
    state = "&'" * 512 + "s" * 1_024
    address = CALLBACK + "?" + "a" * (2_048 - len(CALLBACK) - 1)
    site.desk.change_client(site.client, redirect_uris=(address,))
    response = signed_in.authorize(redirect_uri=address, response_mode="form_post", state=state)
    assert posted(response).answer(address)["state"] == state


def test_nothing_but_the_script_that_sends_the_form_runs(signed_in: Any) -> None:
    """CSP 3 §2.3.1: its digest is named, so that no other does; no field hides what the script calls."""
    response = signed_in.authorize(response_mode="form_post", state=HOSTILE)
    directives = dict(
        directive.strip().partition(" ")[::2] for directive in response.headers["content-security-policy"].split(";")
    )
    page = posted(response)
    (script,) = page.scripts
    assert directives["script-src"] == f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["connect-src"] == directives["worker-src"] == "'none'"
    assert "form-action" not in directives  # docs/decisions/0004
    assert "unsafe" not in response.headers["content-security-policy"]
    assert page.all("script") == [{}]
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.answer().keys() <= {"code", "state", "iss"}
    assert page.all("button") == [{"type": "submit"}]


def test_the_page_is_not_kept_framed_or_named_to_the_client(signed_in: Any) -> None:
    """§4: it holds a code; its address holds the request. The client learns the origin, and so the sender."""
    response = signed_in.authorize(response_mode="form_post")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "origin"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "cross-origin-opener-policy" not in response.headers  # docs/decisions/0008
    assert response.headers["content-type"] == "text/html; charset=utf-8"


def test_without_a_script_there_is_a_button(signed_in: Any) -> None:
    """§2: any way to send the form is good; WCAG 2.4.2, 3.1.1."""
    html = signed_in.authorize(response_mode="form_post").text
    assert re.search(r'<button type="submit">[^<]+</button>', html)
    assert "<title>On to web.example.com · jotary</title>" in html
    assert len(re.findall(r"<main\b", html)) == len(re.findall(r"<h1\b", html)) == 1
