"""What everybody may read: RFC 8414, OIDC Discovery 1.0, RFC 7517 §5, RFC 9110 §13, RFC 9111."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from jotary.jose import KeySet
from jotary.oauth.metadata import ServerMetadata, well_known_urls
from jotary.oauth.secret import Secret
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings

DOCUMENTS = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
]


def test_both_well_known_paths_give_the_same_document(browser: Any) -> None:
    """RFC 8414 §3, OIDC Discovery §4."""
    first, second = (browser.get(path) for path in DOCUMENTS[:2])
    assert first.content == second.content
    metadata = ServerMetadata.from_dict(first.json(), issuer="https://id.example.com")
    assert metadata.authorization_endpoint == "https://id.example.com/authorize"


def test_every_endpoint_that_is_named_is_there(browser: Any) -> None:
    """A document that promises what is not there misleads every client."""
    document = browser.get(DOCUMENTS[0]).json()
    endpoints = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert len(endpoints) >= 7
    for name, url in endpoints.items():
        path = url.removeprefix("https://id.example.com")
        assert browser.get(path).status_code != 404, name


def test_what_the_document_says_of_pages_holds(site: Any, browser: Any) -> None:
    """response_types_supported, prompt_values_supported and the like are what /authorize does."""
    document = browser.get(DOCUMENTS[0]).json()
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    for prompt in document["prompt_values_supported"]:
        assert browser.authorize(prompt=prompt).status_code == 303
        assert "error=invalid_request" not in browser.authorize(prompt=prompt).headers["location"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_are_kept_as_long_as_a_new_key_is_announced(browser: Any, path: str) -> None:
    """RFC 9111 §5.2.2; design §6.2."""
    response = browser.get(path)
    assert response.headers["cache-control"] == "public, max-age=300"
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_who_has_a_document_is_told_so(browser: Any, path: str) -> None:
    """RFC 9110 §13.1.2, §15.4.5."""
    first = browser.get(path)
    etag = first.headers["etag"]
    for value in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = browser.get(path, **{"If-None-Match": value})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (etag, first.headers["cache-control"])
        assert again.headers["access-control-allow-origin"] == "*"
    for value in ('"other"', etag.strip('"'), ""):
        assert browser.get(path, **{"If-None-Match": value}).status_code == 200


@pytest.mark.parametrize("path", [*DOCUMENTS, "/health", "/ready", "/sign-in", "/static/jotary.css"])
def test_a_head_request_gets_the_same_headers_and_nothing_else(browser: Any, path: str) -> None:
    """RFC 9110 §9.3.2."""
    got, head = browser.get(path), browser.request("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content)) or path == "/sign-in"
    assert head.headers["content-type"] == got.headers["content-type"]


def test_the_keys_are_public_and_are_those_that_sign(site: Any, browser: Any) -> None:
    """RFC 7517 §4; never a private member."""
    document = browser.get(DOCUMENTS[2]).json()
    assert not {"d", "p", "q", "k"} & {name for key in document["keys"] for name in key}
    token = site.desk.run(site.desk.keyring.sign({"iss": "x"}, typ="JWT"))
    assert KeySet.from_jwks(document)
    assert token


def test_a_new_key_is_published_as_soon_as_it_is_known(site: Any, browser: Any) -> None:
    """Design §6.2: and the entity tag changes with it."""
    before = browser.get(DOCUMENTS[2])
    site.desk.keyring._public = KeySet()
    after = browser.get(DOCUMENTS[2])
    assert after.json() == {"keys": []}
    assert after.headers["etag"] != before.headers["etag"]


def test_health_and_readiness_are_told_apart(site: Any, browser: Any) -> None:
    """A process that lives is not yet one that can serve."""

    async def not_ready() -> None:
        raise Unavailable("the database does not answer", retry_after=3)

    assert browser.get("/health").json() == {"status": "ok"}
    assert browser.get("/ready").json() == {"status": "ready"}
    site.rebuild(ready=not_ready)
    other = site.browser()
    assert other.get("/health").status_code == 200
    response = other.get("/ready")
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")
    assert response.json()["error"] == "temporarily_unavailable"
    assert "database" not in response.text


@pytest.mark.parametrize("prefix", ["", "/id"])
def test_an_issuer_below_a_path_answers_with_and_without_it(site: Any, prefix: str) -> None:
    """A proxy may strip the path or not; links and redirects always carry it."""
    issuer = "https://id.example.com/id"
    site.rebuild(settings=Settings(issuer=issuer, secret=Secret("s" * 40)))
    browser = site.browser()
    page = browser.get(f"{prefix}/sign-in")
    assert page.status_code == 200
    assert 'action="/id/sign-in"' in page.text
    assert browser.get(f"{prefix}{page.text.partition('stylesheet')[2].partition('/id')[2].partition('?')[0]}").text
    response = browser.submit(page, f"{prefix}/sign-in", username=site.user.email, password="thirty purple otters hum")
    assert response.headers["location"] == "/id/"
    assert site.answer(browser.get(prefix + site.authorize_path()))["iss"] == issuer
    assert site.browser().get(prefix + site.authorize_path()).headers["location"].startswith("/id/sign-in?")
    nothing = browser.get(f"{prefix}/nothing")
    assert (nothing.status_code, 'href="/id/">Go to your account' in nothing.text) == (404, True)
    assert browser.get(f"{prefix}/").status_code == 200


def test_it_can_be_mounted_in_another_application(site: Any) -> None:
    """Design §6.7: the paths are relative to where it is mounted, the links are not."""
    site.rebuild(settings=Settings(issuer="https://id.example.com/id", secret=Secret("s" * 40)))
    site.app = Starlette(routes=[Mount("/id", app=site.app)])
    browser = site.browser()
    page = browser.get("/id/sign-in")
    response = browser.submit(page, "/id/sign-in", username=site.user.email, password="thirty purple otters hum")
    assert browser.get(response.headers["location"]).status_code == 200
    assert browser.get("/id/.well-known/openid-configuration").json()["issuer"] == "https://id.example.com/id"
    assert browser.get("/id/nothing").headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("place", ["/auth", "/id", "/a/b"])
def test_where_it_is_mounted_is_no_part_of_its_paths(site: Any, place: str) -> None:
    """ASGI: `path` begins with `root_path`. A place that only begins like it is another one."""
    site.app = Starlette(routes=[Mount(place, app=site.app)])
    browser = site.browser()
    assert browser.get(f"{place}/.well-known/jwks.json").status_code == 200
    assert browser.get(f"{place}{place}/.well-known/jwks.json").status_code == 404
    assert browser.get(f"{place}x/.well-known/jwks.json").status_code == 404


def test_an_issuer_below_a_path_is_discovered_at_both_places(site: Any) -> None:
    """OIDC Discovery §4.1 appends to the issuer, RFC 8414 §3.1 inserts before its path."""
    issuer = "https://id.example.com/id"
    site.rebuild(settings=Settings(issuer=issuer, secret=Secret("s" * 40)))
    browser = site.browser()
    for url in well_known_urls(issuer):
        assert browser.get(url.removeprefix("https://id.example.com")).status_code == 200
