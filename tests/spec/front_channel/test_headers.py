"""What browsers are told to keep from doing (CSP 3, Fetch, RFC 9110, RFC 9111; CWE-1021, CWE-525)."""

import re
from typing import Any

import pytest

from jotary.oauth.secret import Secret
from jotary.server.settings import Settings


def pages(site: Any, browser: Any) -> dict[str, Any]:
    """Every kind of page."""
    site.add_third_party()
    person = site.browser()
    person.sign_in()
    return {
        "sign-in": browser.get("/sign-in"),
        "sign-in for a client": browser.get(browser.authorize().headers["location"]),
        "sign-in refused": browser.sign_in(password="wrong"),
        "sign-up": browser.get("/sign-up"),
        "consent": person.authorize(client_id="other"),
        "sign-out": person.get("/logout"),
        "signed out": browser.get("/logout"),
        "home": person.get("/"),
        "password": person.get("/password"),
        "refused": browser.authorize(client_id="nobody"),
        "not found": browser.get("/nothing"),
        "method": browser.request("DELETE", "/sign-in"),
        "stale": browser.post("/sign-in", {}),
    }


def policy(page: Any) -> dict[str, str]:
    """The directives of a page's Content-Security-Policy."""
    directives = [directive.strip() for directive in page.headers["content-security-policy"].split(";")]
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


def test_no_page_can_be_framed_sniffed_kept_or_scripted(site: Any, browser: Any) -> None:
    """CWE-1021, CWE-525; there is no script at all, so nothing unsafe need be allowed."""
    for name, page in pages(site, browser).items():
        directives = policy(page)
        assert directives["default-src"] == "'none'", name
        assert directives["frame-ancestors"] == "'none'", name
        assert directives["base-uri"] == "'none'", name
        assert (directives["style-src"], directives["img-src"]) == ("'self'", "'self'"), name
        assert not {"script-src", "connect-src"} & directives.keys(), name
        assert "unsafe" not in page.headers["content-security-policy"], name
        assert page.headers["x-frame-options"] == "DENY", name
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert page.headers["cache-control"] == "no-store", name
        is_on_the_way = "form-action" not in directives  # docs/decisions/0008: a client's window must find back
        assert page.headers.get("cross-origin-opener-policy") == (None if is_on_the_way else "same-origin"), name
        assert page.headers["referrer-policy"] == "same-origin", name
        assert page.headers["strict-transport-security"] == "max-age=63072000", name
        assert "access-control-allow-origin" not in page.headers, name
        assert page.headers["content-type"] == "text/html; charset=utf-8", name


def test_the_script_of_the_inspector_may_read_the_keys_alone(site: Any, browser: Any) -> None:
    """CSP 3, Trusted Types: of its own files only, and no text becomes markup; the rest is as on every page."""
    page = browser.get("/inspect")
    directives = policy(page)
    assert directives["default-src"] == directives["form-action"] == directives["base-uri"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["connect-src"] == "https://id.example.com/.well-known/jwks.json"
    assert (directives["require-trusted-types-for"], directives["trusted-types"]) == ("'script'", "'none'")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert re.findall(r"<script[^>]*>[^<]", page.text) == []
    assert not re.search(r"\s(?:on[a-z]+|style)=", page.text)


def test_modules_of_a_script_are_asked_for_anew(browser: Any) -> None:
    """RFC 9111 §5.2.2.4: they name each other without a version, and two versions must not meet."""
    module = browser.get("/static/inspect-explain.js")
    assert module.headers["content-type"] == "text/javascript; charset=utf-8"
    assert module.headers["cache-control"] == "no-cache"
    assert module.headers["x-content-type-options"] == "nosniff"


def test_no_page_has_inline_style_or_script(site: Any, browser: Any) -> None:
    """They would be blocked."""
    for name, page in pages(site, browser).items():
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", page.text), name


def test_forms_lead_nowhere_but_here_unless_they_may_end_at_a_client(site: Any, browser: Any) -> None:
    """CSP 3 §6.4.1: Chromium holds every redirect behind a form against form-action (see tests/browser)."""
    found = {name: policy(page).get("form-action") for name, page in pages(site, browser).items()}
    assert {name for name, value in found.items() if value is None} == {"sign-in for a client", "consent"}
    assert {name for name, value in found.items() if value == "'none'"} == {
        "signed out",
        "refused",
        "not found",
        "method",
        "stale",
    }
    assert {value for value in found.values() if value not in {None, "'none'"}} == {"'self'"}


def test_a_redirect_is_not_kept_and_names_nothing_to_the_next_page(site: Any, signed_in: Any) -> None:
    """RFC 9700 §4.2.4: code and state stand in its address; §4.12: 303, so that no form is sent along."""
    response = signed_in.authorize()
    assert response.status_code == 303
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_http_on_loopback_is_not_told_to_become_https(site: Any) -> None:
    """RFC 6797 §7.2: the header means nothing over http; and 127.0.0.1 would be lost for development."""
    settings = Settings(issuer="http://127.0.0.1:8000", secret=Secret("s" * 40))
    site.rebuild(settings=settings)
    assert "strict-transport-security" not in site.browser().get("/sign-in").headers


def test_every_page_has_the_landmarks_and_labels_that_it_needs(site: Any, browser: Any) -> None:
    """WCAG 2.4.2, 3.1.1, 1.3.1, 2.4.6, 4.1.2."""
    for name, page in pages(site, browser).items():
        assert '<html lang="en">' in page.text, name
        assert len(re.findall(r"<main\b", page.text)) == 1, name
        assert len(re.findall(r"<h1\b", page.text)) == 1, name
        assert re.search(r"<title>[^<]+ · jotary</title>", page.text), name
        identifiers = re.findall(r'\sid="([^"]+)"', page.text)
        assert len(identifiers) == len(set(identifiers)), name
        for attributes in re.findall(r"<input ([^>]*)>", page.text):
            if not re.search(r"\bhidden\b", attributes):
                (identifier,) = re.findall(r'\bid="([^"]+)"', attributes)
                assert f'<label for="{identifier}">' in page.text, name
        for described in re.findall(r'aria-describedby="([^"]+)"', page.text):
            assert set(described.split()) <= set(identifiers), name


@pytest.mark.parametrize("name", ["jotary.css", "mark.svg", "rosette.svg"])
def test_static_files_are_kept_for_a_year_under_an_address_that_changes_with_them(browser: Any, name: str) -> None:
    """RFC 9111 §5.2.2, RFC 8246."""
    page = browser.get("/sign-in").text
    plain = browser.get(f"/static/{name}")
    assert plain.status_code == 200
    assert "immutable" not in plain.headers["cache-control"]
    if name != "rosette.svg":  # the stylesheet asks for this one, by its plain name
        (address,) = re.findall(rf'"(/static/{re.escape(name)}\?v=[^"]+)"', page)
        kept = browser.get(address)
        assert "immutable" in kept.headers["cache-control"]
        assert kept.content == plain.content
    again = browser.get(f"/static/{name}", **{"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_only_the_files_that_are_meant_to_be_are_served(browser: Any) -> None:
    """CWE-22."""
    for path in ("/static/", "/static/../pages.py", "/static/%2e%2e/pages.py", "/static/..%2fpages.py", "/static/x"):
        assert browser.get(path).status_code == 404
