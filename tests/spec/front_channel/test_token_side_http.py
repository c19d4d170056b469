"""HTTP of the endpoints that programs call (RFC 6749 §3.2, §5; RFC 7009; RFC 7662; OIDC Core §5.3; Fetch, CORS)."""

import gzip
from typing import Any
from urllib.parse import urlencode

import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ENDPOINTS = ["/token", "/revoke", "/introspect", "/userinfo"]


def post(browser: Any, path: str, form: Any, **headers: str) -> Any:
    """Send a form as a program does."""
    content = form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()
    return browser.request("POST", path, content=content, headers={**FORM, **headers})


def basic(site: Any) -> str:
    """The first-party client's Authorization header."""
    header: str = site.desk.basic("web")
    return header


@pytest.fixture
def tokens(site: Any, signed_in: Any) -> Any:
    """The answer to a code, over HTTP."""
    return post(signed_in, "/token", site.redemption(signed_in.authorize()), Authorization=basic(site))


def refused(response: Any, status: int, error: str) -> None:
    """A standard JSON error that is not kept."""
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"


def test_tokens_come_as_json_that_nobody_keeps(tokens: Any) -> None:
    """RFC 6749 §5.1."""
    assert tokens.status_code == 200
    assert tokens.headers["content-type"] == "application/json"
    assert (tokens.headers["cache-control"], tokens.headers["pragma"]) == ("no-store", "no-cache")
    answer = tokens.json()
    assert answer["token_type"] == "Bearer"
    assert answer.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scope", "id_token"}


def test_userinfo_answers_the_bearer_by_header_and_by_form(browser: Any, site: Any, tokens: Any) -> None:
    """OIDC Core §5.3.1, RFC 6750 §2.1, §2.2; never by a query string (RFC 9700 §4.3.2)."""
    token = tokens.json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    expected = {"sub": site.user.id}
    assert browser.get("/userinfo", **bearer).json() == expected
    assert post(browser, "/userinfo", {"access_token": token}).json() == expected
    assert browser.request("POST", "/userinfo", headers=bearer).json() == expected
    by_query = browser.get(f"/userinfo?access_token={token}")
    assert by_query.status_code == 401
    assert by_query.headers["www-authenticate"].startswith("Bearer")
    assert post(browser, "/userinfo", {"access_token": token}, **bearer).status_code == 400


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": b"{}", "headers": {"Content-Type": "application/json"}}, 400),
        ({"content": b"x" * 70_000, "headers": FORM}, 413),
        ({"content": b"x=%ff", "headers": FORM}, 400),
        ({"headers": [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]}, 400),
    ],
    ids=["JSON", "too large", "not UTF-8", "two headers"],
)
def test_userinfo_says_how_to_bring_a_token_whatever_was_wrong(browser: Any, sent: Any, status: int) -> None:
    """RFC 6750 §3: a request without a token that is good is answered with a challenge."""
    answer = browser.request("POST", "/userinfo", **sent)
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_request"')


def test_a_revoked_token_is_answered_200_and_gone(browser: Any, site: Any, tokens: Any) -> None:
    """RFC 7009 §2.2."""
    answer = tokens.json()
    response = post(browser, "/revoke", {"token": answer["refresh_token"]}, Authorization=basic(site))
    assert (response.status_code, response.content) == (200, b"")
    introspected = post(browser, "/introspect", {"token": answer["access_token"]}, Authorization=basic(site))
    assert introspected.json() == {"active": False}
    assert introspected.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in introspected.headers
    again = post(browser, "/revoke", {"token": "unknown"}, Authorization=basic(site))
    assert (again.status_code, again.content) == (200, b"")


def test_a_client_that_fails_to_authenticate_is_challenged(browser: Any) -> None:
    """RFC 6749 §5.2."""
    for path in ("/token", "/revoke", "/introspect"):
        response = post(browser, path, {"grant_type": "client_credentials", "token": "x"}, Authorization="Basic eDp5")
        refused(response, 401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "multipart/form-data; boundary=x", "text/plain", "", "application/x-www-form-urlencodedX"],
)
def test_only_forms_are_read(browser: Any, content_type: str) -> None:
    """RFC 6749 §3.2."""
    for path in ENDPOINTS:
        response = post(browser, path, b'{"grant_type":"client_credentials"}', **{"Content-Type": content_type})
        refused(response, 400, "invalid_request")


def test_a_form_is_a_form_with_parameters_and_in_any_case(browser: Any) -> None:
    """RFC 9110 §8.3.1."""
    for content_type in ("application/x-www-form-urlencoded; charset=UTF-8", "APPLICATION/X-WWW-Form-urlencoded"):
        for path in ENDPOINTS:
            response = post(browser, path, b"grant_type=x&client_id=y", **{"Content-Type": content_type})
            assert response.status_code == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_a_body_over_64_kb_is_not_read(site: Any, browser: Any, path: str) -> None:
    """RFC 9110 §15.5.14: known from its length, or as soon as it has come in."""
    refused(post(browser, path, b"a=" + b"x" * 65_536), 413, "invalid_request")

    async def endless() -> Any:
        for _ in range(1_000):
            yield b"a=" + b"x" * 1_000
        pytest.fail("all of it was read")

    refused(browser.request("POST", path, content=endless(), headers=FORM), 413, "invalid_request")
    for length in ("99999999999999999999999", "-1", "1e3", "x"):
        response = browser.request("POST", path, content=b"", headers={**FORM, "Content-Length": length})
        refused(response, 413, "invalid_request")


@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
@pytest.mark.parametrize(
    "form",
    [
        b"grant_type=a&grant_type=b",
        b"client_id=web&client_id=web",
        b"token=a&token=a",
        b"x=%ff",
        b"x=\xff",
        b"x=%00",
        b"&".join(b"p%d=1" % number for number in range(65)),
    ],
)
def test_malformed_forms_are_refused(site: Any, browser: Any, path: str, form: bytes) -> None:
    """RFC 6749 §3.2: repeated parameters; and text that is none."""
    refused(post(browser, path, form, Authorization=basic(site)), 400, "invalid_request")


def test_what_nobody_reads_may_not_be_repeated_either(site: Any, browser: Any) -> None:
    """RFC 6749 §3.2: "MUST NOT be included more than once", known or not."""
    good = b"grant_type=client_credentials"
    assert post(browser, "/token", good + b"&x=1", Authorization=basic(site)).status_code == 200
    refused(post(browser, "/token", good + b"&x=1&x=2", Authorization=basic(site)), 400, "invalid_request")


def test_a_resource_may_be_repeated_at_the_token_endpoint(site: Any, browser: Any) -> None:
    """RFC 8707 §2.2."""
    form = {
        "grant_type": "client_credentials",
        "resource": ["https://todo.example.com", "https://calendar.example.com"],
    }
    response = post(browser, "/token", form, Authorization=basic(site))
    assert response.status_code == 200


def test_two_authorization_headers_are_refused(site: Any, browser: Any) -> None:
    """RFC 9110 §11.6.2: a proxy may have looked at the other one."""
    headers = [("Authorization", basic(site)), ("Authorization", "Basic eDp5"), *FORM.items()]
    for path in ENDPOINTS:
        refused(browser.request("POST", path, content=b"token=x", headers=headers), 400, "invalid_request")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/token", "OPTIONS, POST"),
        ("/revoke", "OPTIONS, POST"),
        ("/introspect", "POST"),
        ("/userinfo", "GET, OPTIONS, POST"),
        ("/.well-known/jwks.json", "GET, HEAD, OPTIONS"),
        ("/.well-known/openid-configuration", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD"),
    ],
)
def test_other_methods_are_told_which_there_are(browser: Any, path: str, allowed: str) -> None:
    """RFC 9110 §15.5.6."""
    methods = {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "HEAD", "OPTIONS", "BREW"}
    for method in methods - set(allowed.split(", ")):
        response = browser.request(method, path)
        assert response.status_code == 405
        assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/token", "/revoke", "/userinfo", "/.well-known/jwks.json", "/.well-known/openid-configuration"]
)
def test_scripts_of_any_origin_may_call_with_what_they_hold_but_never_with_cookies(browser: Any, path: str) -> None:
    """Fetch, CORS protocol: on answers, on errors, and asked beforehand."""
    preflight = browser.request(
        "OPTIONS",
        path,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,dpop,x-requested-with",
        },
    )
    assert preflight.status_code == 204
    allowed = {name.strip() for name in preflight.headers["access-control-allow-headers"].lower().split(",")}
    assert {"authorization", "content-type", "dpop", "x-requested-with"} <= allowed
    method = "GET" if "well-known" in path else "POST"
    for response in (preflight, browser.request(method, path, headers={"Origin": "https://app.example"})):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
    for response in (post(browser, path, b"x" * 70_000), post(browser, path, b"x=1&x=1")):
        assert response.status_code >= 400
        assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "path", ["/introspect", "/authorize", "/sign-in", "/sign-up", "/consent", "/logout", "/", "/x"]
)
def test_everything_else_is_closed_to_other_origins(browser: Any, path: str) -> None:
    """No page and no introspection may be read by a script of another site."""
    for method in ("GET", "POST", "OPTIONS"):
        response = browser.request(method, path, headers={"Origin": "https://app.example"})
        assert not [name for name in response.headers if name.startswith("access-control-")]


def test_cookies_mean_nothing_to_programs_endpoints(site: Any, signed_in: Any) -> None:
    """They would be called across sites with them."""
    assert signed_in.get("/userinfo").status_code == 401
    assert post(signed_in, "/token", {"grant_type": "client_credentials"}).status_code == 401


def test_parameters_in_the_address_are_not_read(site: Any, browser: Any, tokens: Any) -> None:
    """RFC 6749 §3.2, RFC 7009 §2.1, RFC 7662 §2.1: addresses are logged. They add to no form and contradict none."""
    token, own = tokens.json()["refresh_token"], basic(site)
    refused(post(browser, "/token?grant_type=client_credentials", {}, Authorization=own), 400, "invalid_request")
    secret = urlencode({"client_id": "web", "client_secret": "jcs_" + "s" * 43})
    refused(post(browser, f"/token?{secret}", {"grant_type": "client_credentials"}), 401, "invalid_client")
    refused(post(browser, f"/revoke?token={token}", {}, Authorization=own), 400, "invalid_request")
    refused(post(browser, f"/introspect?token={token}", {}, Authorization=own), 400, "invalid_request")
    refused(post(browser, f"/introspect?{secret}", {"token": token}), 401, "invalid_client")
    assert post(browser, f"/userinfo?access_token={tokens.json()['access_token']}", {}).status_code == 401
    form = {"grant_type": "client_credentials", "scope": "todo:read todo:write"}
    narrowed = post(browser, "/token?grant_type=x&scope=todo:read", form, Authorization=own)
    assert (narrowed.status_code, narrowed.json()["scope"]) == (200, form["scope"])
    assert post(browser, "/introspect", {"token": token}, Authorization=own).json()["active"]


@pytest.mark.parametrize("charset", ["utf-16", "iso-8859-1", "ibm037"])
def test_a_charset_changes_nothing(site: Any, browser: Any, charset: str) -> None:
    """RFC 6749 appendix B: a form is UTF-8, whatever else it says; who filters by the charset sees another form."""
    form = "grant_type=client_credentials&scope=todo%3Aread&x=%C3%A9"
    headers = {"Content-Type": f"{FORM['Content-Type']}; charset={charset}", "Authorization": basic(site)}
    assert post(browser, "/token", form.encode(), **headers).json()["scope"] == "todo:read"
    refused(post(browser, "/token", (form + "é").encode(charset), **headers), 400, "invalid_request")


def test_a_body_is_not_unpacked(site: Any, browser: Any) -> None:
    """RFC 9110 §8.4: nobody need send a form compressed, and a small one would become a large one behind the limit."""
    packed = gzip.compress(b"grant_type=client_credentials")
    headers = {"Content-Encoding": "gzip", "Authorization": basic(site)}
    refused(post(browser, "/token", packed, **headers), 400, "invalid_request")
