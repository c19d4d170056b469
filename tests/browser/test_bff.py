"""What a real browser makes of the session's cookie, of the API's answers, and of other sites (RFC 10017 §6.1)."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp

from jotary.client.bff import BFF, SecurityHeaders
from jotary.client.bff.sealing import Sealer
from jotary.client.bff.session import Session, SessionCookies
from jotary.client.token_endpoint import TokenSet
from jotary.oauth.secret import Secret
from todo.web.app import from_environment

SECRET = b"s" * 32


class API:
    """An API that answers with whatever could become a page, a script or a style sheet."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        self.calls.append(f"{request.method} {request.url.path}")
        answers: dict[str, Response] = {
            "/page": HTMLResponse("<title>asleep</title><script>document.title = 'awake'</script>"),
            "/script.js": Response("document.title = 'awake'", media_type="text/javascript"),
        }
        response = answers.get(request.url.path) or JSONResponse({"token": "authorization" in request.headers})
        await response(scope, receive, send)


class App(NamedTuple):
    """An application, the API behind it, and another site."""

    url: str
    api: API
    foreign: str


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1") -> Iterator[str]:
    """A server in a thread; returns its origin by this name."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="critical", loop="asyncio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://{host}:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def app() -> Iterator[App]:
    """`localhost` is the application's site, `127.0.0.1` a foreign one: they are different sites to a browser."""
    api = API()
    pages = SecurityHeaders(HTMLResponse("<title>app</title>"))
    with serving(api) as api_url, serving(HTMLResponse("<title>evil</title>")) as foreign:
        bff = BFF(
            pages,
            issuer="http://127.0.0.1:9",
            client_id="app",
            secret=SECRET,
            base_url="http://localhost",
            proxy={"/api": api_url},
        )
        with serving(bff, "localhost") as url:
            yield App(url, api, foreign)


def session_cookie(*, refresh_token: str | None = None, lives: int = 300) -> str:
    """The application's own Set-Cookie for somebody whose access token lives for so many seconds."""
    now = int(time.time())
    tokens = TokenSet(
        access_token=Secret("at"),
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        id_token=None,
        scopes=(),
        obtained_at=now,
        expires_at=now + lives,
    )
    session = Session(id="s", generation=0, subject="p", name="Ada", email=None, expires_at=now + 900, tokens=tokens)
    (header,) = SessionCookies(Sealer([SECRET]), secrets.token_bytes).write(session, now=now, present={})
    return header


@pytest.fixture
def context(chromium: Browser, app: App) -> Iterator[BrowserContext]:
    """A browser in which somebody is signed in."""
    header = session_cookie()
    context = chromium.new_context()
    context.route(f"{app.url}/plant", lambda route: route.fulfill(headers={"Set-Cookie": header}, body="planted"))
    context.new_page().goto(f"{app.url}/plant")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, app: App) -> Page:
    """The application's page."""
    page = context.new_page()
    page.goto(app.url)
    return page


def fetch(page: Page, url: str, **options: Any) -> Any:
    """Let the page's script fetch: the status, or the name of the error."""
    script = "([url, options]) => fetch(url, options).then(a => a.status, e => e.name)"
    return page.evaluate(script, [url, options])


def test_the_cookie_is_kept_on_localhost_and_hidden_from_scripts(page: Page, context: BrowserContext) -> None:
    """`__Host-`, Secure and HttpOnly, over plain http in development."""
    (cookie,) = context.cookies()
    assert cookie.get("name") == "__Host-session"
    assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "Lax")
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("fetch('/auth/me').then(a => a.json()).then(a => a.name)") == "Ada"
    assert page.evaluate("fetch('/api/todos').then(a => a.json()).then(a => a.token)") is True


def test_a_page_that_the_api_answers_with_stays_asleep(context: BrowserContext, app: App) -> None:
    """Opened from a link, it runs no script and has no origin."""
    page = context.new_page()
    page.goto(f"{app.url}/api/page")
    assert page.title() == "asleep"
    assert page.evaluate("origin") == "null"
    assert app.api.calls == ["GET /page"]


def test_a_script_that_the_api_answers_with_never_runs(page: Page, app: App) -> None:
    """Not as a script of the page, not as a worker, not as a service worker."""
    loaded = "new Promise(done => { const s = document.createElement('script'); s.src = '/api/script.js';"
    loaded += " s.onload = () => done('loaded'); s.onerror = () => done('refused'); document.head.append(s) })"
    assert page.evaluate(loaded) == "refused"
    registered = "navigator.serviceWorker.register('/api/script.js').then(() => 'registered', e => e.name)"
    assert page.evaluate(registered) != "registered"
    worker = "new Promise(done => { new Worker('/api/script.js').onerror = () => done('refused') })"
    assert page.evaluate(worker) == "refused"
    assert page.title() == "app"
    assert app.api.calls == []


def test_a_change_needs_the_header_that_only_our_own_pages_send(page: Page, app: App) -> None:
    """With it 200, without it 403, and the API hears nothing of the second."""
    assert fetch(page, "/api/todos", method="POST", headers={"X-CSRF": "1"}) == 200
    assert fetch(page, "/api/todos", method="POST") == 403
    assert app.api.calls == ["POST /todos"]


def test_another_site_gets_nowhere(context: BrowserContext, app: App) -> None:
    """Neither by a form nor by fetch(), with or without cookies; it cannot even ask whether it may."""
    page = context.new_page()
    page.goto(app.foreign)
    for mode in ("no-cors", "cors"):
        for method in ("GET", "POST"):
            assert fetch(page, f"{app.url}/api/todos", mode=mode, method=method, credentials="include") in (
                0,
                "TypeError",
            )
    asked = fetch(page, f"{app.url}/api/todos", method="POST", headers={"X-CSRF": "1"}, credentials="include")
    assert asked == "TypeError"
    form = f"const f = document.createElement('form'); f.method = 'POST'; f.action = '{app.url}/auth/logout';"
    with page.expect_navigation():
        page.evaluate(form + " document.body.append(f); f.submit()")
    assert "does not come from a page of this application" in page.content()
    assert app.api.calls == []
    assert context.cookies(app.url)


def test_a_link_from_another_site_may_be_followed(context: BrowserContext, app: App) -> None:
    """Signed in, since the cookie is Lax; reading is all that it does."""
    page = context.new_page()
    page.goto(app.foreign)
    with page.expect_navigation():
        page.evaluate(f"location.assign('{app.url}/api/todos')")
    assert '"token":true' in page.content()


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_the_todo_page_knows_an_issuer_that_is_away_from_nobody(
    chromium: Browser, monkeypatch: pytest.MonkeyPatch, *, is_signed_in: bool
) -> None:
    """Whoever is signed in is told to try again, and not asked to sign in, which nobody can at that moment."""
    settings = {
        "ISSUER": "http://127.0.0.1:9",
        "CLIENT_ID": "todo-web",
        "CLIENT_SECRET": "x",
        "SECRET": SECRET.decode(),
    }
    places = {"WEB_URL": "http://localhost", "AUDIENCE": "https://todo.example", "API_URL": "http://127.0.0.1:9"}
    for name, value in {**settings, **places}.items():
        monkeypatch.setenv(f"TODO_{name}", value)
    context = chromium.new_context()
    with serving(from_environment(), "localhost") as url:
        if is_signed_in:
            header = session_cookie(refresh_token="rt", lives=0)
            context.route(f"{url}/plant", lambda route: route.fulfill(headers={"Set-Cookie": header}, body="planted"))
            context.new_page().goto(f"{url}/plant")
        page = context.new_page()
        page.goto(url)
        expect(page.locator("#notice" if is_signed_in else "#welcome")).to_be_visible()
        assert page.get_by_role("link", name="Sign in").is_visible() is not is_signed_in
        assert ("You are still signed in" in page.inner_text("#notice")) is is_signed_in
    context.close()
