"""The story in a real browser: sign up, work past the token's end, sign out; and nothing for a script to steal."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, Response, Route, expect

from jotary.cli.demonstration.cast import WEB
from jotary.cli.demonstration.production import Production
from jotary.server.keyring import derive_key
from jotary.server.model.refresh_token import RefreshTokens
from jotary.server.model.session import Session
from jotary.server.store import open_store

PASSWORD = "quiet orchid ferry 94"
TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|jrt_[\w-]{20,}")

#: Everything that a script of the page can reach.
LOOT = """async () => ({
  cookie: document.cookie,
  local: JSON.stringify(localStorage),
  session: JSON.stringify(sessionStorage),
  databases: (await indexedDB.databases()).length,
  caches: (await caches.keys()).length,
  html: document.documentElement.outerHTML,
  url: location.href,
})"""


class Witness:
    """Watches a browser: what scripts could read, and what the policy forbade."""

    def __init__(self, context: BrowserContext) -> None:
        self.bodies: dict[str, str] = {}
        self.violations: list[str] = []
        self.errors: list[str] = []
        context.on("response", self._read)
        context.on("console", lambda message: self._hear(message.text))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _read(self, response: Response) -> None:
        if not 300 <= response.status < 400 and response.request.method != "OPTIONS":  # a redirect has no body
            self.bodies[f"{response.request.method} {response.url}"] = response.text()

    def _hear(self, text: str) -> None:
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            self.violations.append(text)


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nobody."""
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context
    context.close()


def sign_up(page: Page, production: Production, email: str) -> None:
    """Make an account on the way from ToDo and back."""
    page.goto(production.todo_web)
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name=re.compile("account|sign up", re.IGNORECASE)).click()
    page.locator("[name=username]").fill(email)
    page.locator("[name=name]").fill("Grace Hopper")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form button[type=submit], form button:not([type])").first.click()
    expect(page.get_by_role("heading", name="My tasks")).to_be_visible()


def add(page: Page, title: str) -> None:
    """Add a task by keyboard alone."""
    field = page.get_by_label("A new task")
    field.fill(title)
    field.press("Enter")
    expect(page.get_by_text(title, exact=True)).to_be_visible()


def session_of(production: Production, email: str) -> Session:
    """The person's one session at the User API, read from its database."""

    async def read() -> Session:
        store = await open_store(production.settings.database)
        try:
            user = await store.user_by_email(email)
            assert user is not None
            (session,) = await store.sessions_of_user(user.id)
            return session
        finally:
            await store.close()

    with ThreadPoolExecutor(1) as thread:  # Playwright's event loop runs in this one
        return thread.submit(lambda: asyncio.run(read())).result()


def refresh_token(production: Production, session: Session) -> str:
    """The living refresh token of a session: derived, so whoever has the server's secret can say it."""
    return RefreshTokens(derive_key(production.settings.secret, "refresh-token")).mint(session.id, session.generation)


def refresh(production: Production, token: str) -> httpx2.Response:
    """Trade a refresh token as the web app would."""
    return httpx2.post(
        f"{production.issuer}/token",
        data={"grant_type": "refresh_token", "refresh_token": token},
        auth=(WEB, production.cast.web_secret.reveal()),
        trust_env=False,
    )


def test_the_story(context: BrowserContext, production: Production) -> None:
    """Sign up, work on past the access token's end, sign out; then the old cookie and refresh token are refused."""
    witness = Witness(context)
    page = context.new_page()
    sign_up(page, production, "grace@example.com")
    add(page, "Write a compiler")
    add(page, "Find the moth")
    page.wait_for_timeout(3_000)  # longer than an access token lives
    page.get_by_role("checkbox", name="Find the moth").check()
    expect(page.get_by_text("1 open")).to_be_visible()
    page.reload()
    expect(page.get_by_role("checkbox", name="Find the moth")).to_be_checked()

    session = session_of(production, "grace@example.com")
    assert session.generation >= 1, "the token expired, so it must have been refreshed unseen"
    living = refresh_token(production, session)
    assert_nothing_to_steal(page, context, production)
    sealed = [cookie for cookie in context.cookies(production.todo_web) if cookie["name"].startswith("__Host-session")]

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert urlsplit(page.url).port == urlsplit(production.todo_web).port
    assert not [cookie for cookie in context.cookies() if cookie["name"].startswith("__Host-session")]

    context.add_cookies([_again(cookie) for cookie in sealed])
    assert page.evaluate("async () => (await fetch('/api/tasks')).status") == 401
    assert page.evaluate("async () => (await fetch('/auth/me')).status") == 401
    refused = refresh(production, living)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert_clean(witness)


def _again(cookie: Any) -> Any:
    """A cookie as `add_cookies` wants it."""
    return {name: cookie[name] for name in ("name", "value", "domain", "path", "httpOnly", "secure", "sameSite")}


def assert_nothing_to_steal(page: Page, context: BrowserContext, production: Production) -> None:
    """No script reaches a token, and every cookie says so itself."""
    loot: dict[str, Any] = page.evaluate(LOOT)
    assert loot["cookie"] == ""
    assert (loot["local"], loot["session"], loot["databases"], loot["caches"]) == ("{}", "{}", 0, 0)
    assert not TOKEN.search(str(loot))
    cookies = context.cookies([production.todo_web, production.issuer])
    assert {urlsplit(production.todo_web).hostname, urlsplit(production.issuer).hostname} == {
        cookie["domain"] for cookie in cookies
    }
    for cookie in cookies:
        assert cookie["name"].startswith("__Host-")
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")


def assert_clean(witness: Witness) -> None:
    """What the browser was told holds no token, and no page broke its own policy."""
    assert len(witness.bodies) > 10
    leaks = [where for where, body in witness.bodies.items() if TOKEN.search(body)]
    assert leaks == []
    assert witness.violations == []
    assert witness.errors == []


def test_two_tabs_go_on_after_the_token_expired(context: BrowserContext, production: Production) -> None:
    """Two tabs refresh at once with one cookie: neither is signed out (design §6.1)."""
    first = context.new_page()
    sign_up(first, production, "hedy@example.com")
    second = context.new_page()
    second.goto(production.todo_web)
    expect(second.get_by_role("heading", name="My tasks")).to_be_visible()
    for round_ in range(3):
        first.wait_for_timeout(2_500)
        for page in (first, second):  # start both before either is awaited
            page.evaluate("() => { window.answers = Promise.all([1, 2, 3].map(() => fetch('/api/tasks'))) }")
        for page in (first, second):
            statuses = page.evaluate("async () => (await window.answers).map((answer) => answer.status)")
            assert statuses == [200, 200, 200], f"round {round_}"
    session = session_of(production, "hedy@example.com")
    assert session.ended_at is None
    assert session.generation >= 3


def test_people_see_their_own_tasks_only(chromium: Browser, production: Production) -> None:
    """Another person's task is not there: not in the list, not by its address."""
    owner, stranger = (chromium.new_context().new_page() for _ in range(2))
    sign_up(owner, production, "owner@example.com")
    add(owner, "A secret plan")
    task = owner.evaluate("async () => (await (await fetch('/api/tasks')).json()).items[0].id")
    sign_up(stranger, production, "stranger@example.com")
    expect(stranger.get_by_text("Nothing here yet")).to_be_visible()
    look = "async (id) => (await fetch(`/api/tasks/${id}`)).status"
    assert (owner.evaluate(look, task), stranger.evaluate(look, task)) == (200, 404)
    for page in (owner, stranger):
        page.context.close()


def test_no_token_rests_in_the_databases(context: BrowserContext, production: Production) -> None:
    """A stolen dump holds no refresh token that could be used (design §6.1)."""
    page = context.new_page()
    sign_up(page, production, "dump@example.com")
    token = refresh_token(production, session_of(production, "dump@example.com"))
    with sqlite3.connect(production.settings.database.removeprefix("sqlite:///")) as connection:
        dump = "\n".join(connection.iterdump())
    assert "dump@example.com" in dump
    assert "jrt_" not in dump
    assert token[40:] not in dump
    assert PASSWORD not in dump


def test_a_list_from_before_a_change_does_not_hide_it(context: BrowserContext, production: Production) -> None:
    """Who is quick adds a task while the list is still on its way: the answer is from before."""
    page = context.new_page()
    sign_up(page, production, "margaret@example.com")
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/api/tasks?limit=50", lambda route: held.append((route, route.fetch())), times=1)
    page.reload(wait_until="domcontentloaded")
    while not held:
        page.wait_for_timeout(20)
    add(page, "Land on the moon")
    route, early = held[0]
    assert early.json()["items"] == []
    with page.expect_response(lambda answer: answer.url.endswith("limit=50") and answer.json()["items"] != []):
        route.fulfill(response=early)  # then it asks again
    expect(page.get_by_text("Land on the moon", exact=True)).to_be_visible()
    expect(page.get_by_text("1 open")).to_be_visible()


def test_a_list_that_already_has_a_new_task_does_not_show_it_twice(
    context: BrowserContext, production: Production
) -> None:
    """It may be read behind the change, and arrive before the change's own answer."""
    page = context.new_page()
    sign_up(page, production, "mary@example.com")
    held: list[tuple[Route, APIResponse]] = []
    page.route("**/api/tasks", lambda route: held.append((route, route.fetch())), times=1)
    page.get_by_label("A new task").fill("Plot the orbit")
    page.get_by_role("button", name="Add").click()
    while not held:
        page.wait_for_timeout(20)
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_text("Plot the orbit", exact=True)).to_be_visible()
    route, answer = held[0]
    with page.expect_response(lambda answer: answer.url.endswith("limit=1")):
        route.fulfill(response=answer)  # then it counts
    expect(page.get_by_text("Plot the orbit", exact=True)).to_have_count(1)
