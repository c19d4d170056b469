"""When something fails here: what is answered, what is logged, and what is not told (design §9, CWE-209)."""

import re
from typing import Any

import pytest
from structlog.testing import capture_logs

from jotary.server.model.changes import AddCode
from jotary.server.ports import Conflict, Unavailable

PAGES = ["/authorize", "/", "/logout", "/sign-in", "/sign-up", "/password"]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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
        ("/password", lambda: browser.get("/password")),
        ("/password", lambda: browser.post("/password", {**form, "password": "x", "new_password": "y"})),
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


def test_an_error_page_leads_back_to_the_account(site: Any, browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lands on one has somewhere to go; one that says where to try again has that instead."""
    button = re.compile(r'<a class="button[^"]*" href="([^"]*)">([^<]*)</a>')
    for path, status in (("/nothing", 404), ("/authorize?client_id=nobody", 400)):
        response = browser.get(path)
        assert (response.status_code, button.findall(response.text)) == (status, [("/", "Go to your account")]), path
    stale = browser.post("/sign-in", {"csrf_token": "stale"})
    assert (stale.status_code, button.findall(stale.text)) == (403, [("/sign-in?return_to=/", "Try again")])
    break_store(site, monkeypatch, ZeroDivisionError())
    failed = browser.authorize()
    assert (failed.status_code, button.findall(failed.text)) == (500, [("/", "Go to your account")])


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
