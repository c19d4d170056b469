"""Whatever is sent, a standard answer comes back, nothing is written, and nothing of the inside shows (design §9)."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from jotary.server.model.changes import AddCode
from jotary.server.ports import Conflict, Unavailable

PAGES = ["/authorize", "/sign-in", "/sign-up", "/consent", "/logout", "/", "/sessions/end"]
PROGRAMS = ["/token", "/revoke", "/introspect", "/userinfo"]
PUBLISHED = ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/health", "/ready", "/static/jotary.css"]
NAMES = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "prompt",
    "max_age",
    "resource",
    "id_token_hint",
    "login_hint",
    "return_to",
    "request",
    "answer",
    "csrf_token",
    "username",
    "name",
    "password",
    "grant_type",
    "code",
    "code_verifier",
    "refresh_token",
    "token",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "access_token",
    "session_id",
    "post_logout_redirect_uri",
]
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


def check(path: str, response: Any) -> None:
    """A refusal or an answer that the standards know."""
    assert response.status_code in {200, 303, 400, 401, 403, 404, 405, 413, 414, 431}
    assert "Traceback" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    if response.status_code >= 400:
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"].startswith("text/html" if path in PAGES else "application/json")
    if response.status_code == 303:
        assert response.headers["location"].startswith(("/", "https://web.example.com/"))
        assert not response.headers["location"].startswith(("//", "/\\"))


values = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["web", "code", "https://web.example.com/callback", "none", "/authorize?x=1", "//evil.example", "a" * 3_000]
    ),
)
pairs = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=12)
slow = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(sent=pairs, path=st.sampled_from([*PAGES, *PROGRAMS, *PUBLISHED]))
@slow
def test_any_query_gets_a_standard_answer(browser: Any, sent: list[tuple[str, str]], path: str) -> None:
    """Known names, any values, any number of times."""
    query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in sent)
    check(path, browser.get(f"{path}?{query}"))


@given(sent=pairs, path=st.sampled_from([*PAGES, *PROGRAMS]))
@slow
def test_any_form_gets_a_standard_answer(site: Any, browser: Any, sent: list[tuple[str, str]], path: str) -> None:
    """With a token that fits, so that what lies behind it is reached."""
    token = browser.fields(browser.get("/sign-in"))["csrf_token"]
    body = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in sent if name != "csrf_token")
    check(path, browser.request("POST", path, content=f"csrf_token={token}&{body}".encode(), headers=FORM))


@given(body=st.binary(max_size=200), path=st.sampled_from([*PAGES, *PROGRAMS]))
@slow
def test_any_bytes_get_a_standard_answer(browser: Any, body: bytes, path: str) -> None:
    """Not even a form."""
    check(path, browser.request("POST", path, content=body, headers=FORM))


@given(value=st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")))
@slow
def test_any_header_gets_a_standard_answer(browser: Any, value: str) -> None:
    """Those that are read: Authorization, Cookie, Origin, Sec-Fetch-Site, If-None-Match, Content-Type."""
    for name in ("Authorization", "Cookie", "Origin", "Sec-Fetch-Site", "If-None-Match", "Content-Type", "Accept"):
        headers = {name: value.encode("latin-1")}
        for path in ("/userinfo", "/sign-in", "/.well-known/jwks.json"):
            check(path, browser.request("GET", path, headers=headers))
        check("/token", browser.request("POST", "/token", content=b"grant_type=x", headers=headers))
        check("/sign-in", browser.request("POST", "/sign-in", content=b"username=x", headers=headers))


def test_what_is_too_large_is_refused_before_it_is_read(browser: Any) -> None:
    """RFC 9110 §15.5.15, RFC 6585 §5."""
    for path in (*PAGES, *PROGRAMS, *PUBLISHED):
        assert browser.get(f"{path}?x={'a' * 24_576}").status_code == 414
        assert browser.get(path, **{"X-Filler": "a" * 32_768}).status_code == 431
        assert browser.get(path, Cookie="; ".join(f"c{number}=x" for number in range(5_000))).status_code == 431


@pytest.mark.parametrize("path", ["/authorize", "/logout"])
def test_a_request_has_its_own_bound(browser: Any, path: str) -> None:
    """It is carried along in addresses and forms."""
    assert browser.get(f"{path}?x={'a' * 8_192}").status_code == 400


@pytest.mark.parametrize("path", PAGES)
def test_a_form_that_is_too_large_is_refused_as_a_page(browser: Any, path: str) -> None:
    """RFC 9110 §15.5.14."""
    response = browser.request("POST", path, content=b"a=" + b"x" * 65_536, headers=FORM)
    assert response.status_code == (405 if path == "/" else 413)
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("form", [b"return_to=/&return_to=/", b"username=a&username=b", b"x=%ff", b"x=%00"])
def test_a_malformed_form_is_refused_as_a_page(site: Any, browser: Any, form: bytes) -> None:
    """The rules of RFC 6749 §3.1 hold for our own forms too."""
    token = browser.fields(browser.get("/sign-in"))["csrf_token"].encode()
    for path in ("/sign-in", "/sign-up"):
        response = browser.post(path, b"csrf_token=" + token + b"&" + form)
        assert response.status_code == 400
    assert [kind for kind in site.desk.kinds() if not kind.startswith("key.")] == []


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up"])
@pytest.mark.parametrize("query", ["return_to=/&return_to=//evil.example", "return_to=%ff", "return_to=%00", "%"])
def test_a_malformed_link_to_a_form_shows_it_without_a_destination(browser: Any, path: str, query: str) -> None:
    """A person who follows a broken link can still sign in."""
    page = browser.get(f"{path}?{query}")
    assert page.status_code == 200
    assert browser.fields(page)["return_to"] == "/"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_as_pages(browser: Any, method: str) -> None:
    """RFC 9110 §15.5.6."""
    for path in PAGES:
        response = browser.request(method, path)
        assert response.status_code == 405
        assert {"GET", "POST"} & set(response.headers["allow"].split(", "))
        assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/nothing", "/token/", "/authorize/x", "/x//", "/.well-known/", "/admin", "/static"])
def test_what_is_not_there_is_not_there(browser: Any, path: str) -> None:
    """A page that says so, with the headers of every page."""
    for method in ("GET", "POST", "HEAD", "BREW"):
        response = browser.request(method, path)
        assert response.status_code == 404
        assert response.headers["x-frame-options"] == "DENY"


def break_store(site: Any, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Every look-up and every write fails from now on."""

    async def fail(*_arguments: Any, **_named: Any) -> None:
        raise error

    for name in ("client", "user", "user_by_email", "password", "sign_in", "session", "sessions_of_user", "commit"):
        monkeypatch.setattr(site.desk.store, name, fail)


def every_request(site: Any, browser: Any) -> list[tuple[str, Any]]:
    """One good request to each endpoint, all of which need the store."""
    fields = browser.fields(browser.get("/sign-in"))
    grace = {"username": "g@example.com", "name": "Grace", "password": "forty orange badgers hum"}
    basic = {"Authorization": site.desk.basic("web"), **FORM}
    browser.http.cookies.set("__Host-jotary", "A" * 43, domain="id.example.com")
    token = browser.fields(browser.get("/sign-up"))["csrf_token"]
    form = {**fields, "csrf_token": token}
    return [
        ("/authorize", browser.authorize),
        ("/", lambda: browser.get("/")),
        ("/logout", lambda: browser.get("/logout?client_id=web")),
        ("/sign-in", lambda: browser.post("/sign-in", {**form, "username": "a@b.example", "password": "x"})),
        ("/sign-up", lambda: browser.post("/sign-up", {**form, **grace})),
        ("/token", lambda: browser.request("POST", "/token", content=b"grant_type=client_credentials", headers=basic)),
        ("/revoke", lambda: browser.request("POST", "/revoke", content=b"token=x", headers=basic)),
        ("/introspect", lambda: browser.request("POST", "/introspect", content=b"token=x", headers=basic)),
    ]


def test_a_database_that_is_down_gives_503_and_never_a_false_success(
    site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §9: with Retry-After, as JSON or as a page, and without its name."""
    requests = every_request(site, browser)
    break_store(site, monkeypatch, Unavailable("sqlite: disk I/O error", retry_after=5))
    for path, send in requests:
        response = send()
        assert (path, response.status_code, response.headers.get("retry-after")) == (path, 503, "5")
        assert "sqlite" not in response.text
        assert response.headers["content-type"].startswith("text/html" if path in PAGES else "application/json")


def test_a_failure_is_logged_in_full_and_told_without_detail(
    site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CWE-209: a reference leads from the answer to the log."""
    requests = every_request(site, browser)
    break_store(site, monkeypatch, ZeroDivisionError("the secret of the house"))
    for path, send in requests:
        with capture_logs() as logs:
            response = send()
        assert response.status_code == 500, path
        assert "secret of the house" not in response.text
        assert "Traceback" not in response.text
        (entry,) = [entry for entry in logs if entry["event"] == "request_failed"]
        assert entry["reference"] in response.text
        assert (entry["path"], entry["log_level"], bool(entry["exc_info"])) == (path, "error", True)


def test_conflicts_that_do_not_end_are_a_503(site: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three attempts, then the client comes back."""
    attempts = []
    commit = site.desk.store.commit

    async def conflict(*changes: Any) -> None:
        attempts.append(changes)
        raise Conflict(changes[0])

    monkeypatch.setattr(site.desk.store, "commit", conflict)
    assert signed_in.authorize().status_code == 503
    assert len(attempts) == 3
    monkeypatch.setattr(site.desk.store, "commit", commit)
    assert "code" in site.answer(signed_in.authorize())


def test_a_sign_in_that_ends_between_look_and_write_gets_no_code(
    site: Any, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is guarded, and the second look finds nobody."""
    commit, ended = site.desk.store.commit, list[bool]()

    async def end_first(*changes: Any) -> None:
        if not ended and isinstance(changes[0], AddCode):
            ended.append(True)
            await commit(*site.end_sign_in(changes[0].code.sign_in_id))
        await commit(*changes)

    monkeypatch.setattr(site.desk.store, "commit", end_first)
    assert site.return_to(signed_in.authorize())
    assert ended


def test_a_client_that_goes_away_is_no_failure(site: Any) -> None:
    """Nothing is logged, and nothing is sent to nobody."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/token",
        "raw_path": b"/token",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
        "client": None,
    }
    with capture_logs() as logs:
        site.desk.run(site.app(scope, receive, send))
    assert (sent, logs) == ([], [])


def test_there_are_no_websockets(site: Any) -> None:
    """The handshake is closed, whatever the path."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/x", "root_path": "", "query_string": b"", "headers": []}
    site.desk.run(site.app(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1000}]
