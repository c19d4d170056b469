"""The pages in a real browser: what only a browser can tell of headers, cookies, redirects and layout.

Scripts are switched off throughout: no page needs one.
"""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from jotary.oauth import pkce
from jotary.oauth.secret import Secret
from jotary.server.app import create_app
from jotary.server.model.changes import AddClient, AddUser, PutPassword
from jotary.server.model.client import Client
from jotary.server.model.credential import Password
from jotary.server.model.user import User
from jotary.server.passwords import HashingPool
from jotary.server.settings import Settings
from jotary.server.store import open_store

EMAIL: Final = "ada@example.com"
PASSWORD: Final = "thirty purple otters hum"
NEW_PASSWORD: Final = "forty orange badgers hum"


class Served:
    """An ASGI application on a free port of this machine, in a thread."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def start(self, app: ASGIApp) -> None:
        """Serve, and return once it answers."""
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop, and wait for the end."""
        self.server.should_exit = True
        self.thread.join(10)


class Stage:
    """The server, and a client's site that sends its people on to another site of its own."""

    def __init__(self, folder: Path) -> None:
        self.server, self.client, self.elsewhere = Served(), Served(), Served()
        self.callback, self.goodbye = f"{self.client.origin}/callback", f"{self.client.origin}/goodbye"
        self.settings = Settings(
            issuer=self.server.origin, database=f"sqlite:///{folder}/jotary.db", secret=Secret("s" * 40)
        )

    def authorize(self, **changed: str) -> str:
        """The address of an authorization request."""
        parameters = {
            "client_id": "todo",
            "redirect_uri": self.callback,
            "response_type": "code",
            "scope": "openid todo:read",
            "state": "s-1",
            "code_challenge": pkce.challenge("v" * 43),
            "code_challenge_method": "S256",
            **changed,
        }
        return f"{self.server.origin}/authorize?{urlencode(parameters)}"

    def client_app(self) -> ASGIApp:
        """The client's site."""

        async def go_on(request: Request) -> Response:
            return RedirectResponse(f"{self.elsewhere.origin}/arrived?{request.url.query}", 303)

        async def arrived(request: Request) -> Response:
            return HTMLResponse(f"<title>arrived</title>{request.method}")

        return Starlette(routes=[Route("/callback", go_on), Route("/goodbye", go_on), Route("/arrived", arrived)])

    async def furnish(self) -> None:
        """One person, a client of the operator's own, and one of somebody else."""
        store = await open_store(self.settings.database)
        hasher = HashingPool(workers=1)
        await store.commit(
            AddUser(User(id="ada", email=EMAIL, name="Ada Lovelace", created_at=1)),
            PutPassword(Password(user_id="ada", hash=await hasher.hash(PASSWORD), changed_at=1)),
            *(AddClient(self._client(name, is_first_party=name == "todo")) for name in ("todo", "other")),
        )
        hasher.close()
        await store.close()

    def _client(self, name: str, *, is_first_party: bool) -> Client:
        return Client(
            id=name,
            name=name.title(),
            type="web",
            token_endpoint_auth_method="none",
            redirect_uris=(self.callback,),
            post_logout_redirect_uris=(self.goodbye,),
            grant_types=("authorization_code",),
            scopes=("openid", "profile", "email", "offline_access", "todo:read", "todo:write"),
            is_first_party=is_first_party,
            created_at=1,
        )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything running."""
    import asyncio  # noqa: PLC0415 -- only to furnish the database before anything runs

    stage = Stage(tmp_path_factory.mktemp("stage"))
    asyncio.run(stage.furnish())
    stage.server.start(create_app(stage.settings))
    for site in (stage.client, stage.elsewhere):
        site.start(stage.client_app())
    yield stage
    for site in (stage.server, stage.client, stage.elsewhere):
        site.stop()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile without scripts."""
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose every complaint, such as one about the Content-Security-Policy, fails the test."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    assert [text for text in complaints if "status of 40" not in text and "favicon" not in text] == []


def sign_in(page: Page) -> None:
    """Fill in the form and send it."""
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def arrived(stage: Stage, page: Page) -> str:
    """The query with which the browser came to the client's other site."""
    page.wait_for_url(f"{stage.elsewhere.origin}/arrived*")
    return page.url.partition("?")[2]


def test_from_the_form_through_the_client_to_wherever_it_sends_its_people(stage: Stage, page: Page) -> None:
    """CSP 3 §6.4.1: form-action is held against every redirect behind a form, so the way must be open to its end."""
    page.goto(stage.authorize())
    assert page.get_by_text("to continue to Todo").is_visible()
    sign_in(page)
    assert "code=jac_" in arrived(stage, page)
    page.goto(stage.authorize())
    assert "code=jac_" in arrived(stage, page)


def test_signing_up_leads_there_too(stage: Stage, page: Page) -> None:
    """From one form to the other, a refused password, and on."""
    page.goto(stage.authorize())
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("E-mail address").fill("grace@example.com")
    page.get_by_label("Password").fill("password1")
    page.get_by_role("button", name="Create account").click()
    assert page.get_by_text("This is a very common password.").is_visible()
    page.get_by_label("Password").fill("forty orange badgers hum")
    page.get_by_role("button", name="Create account").click()
    assert "code=jac_" in arrived(stage, page)


@pytest.mark.parametrize(("button", "answer"), [("Allow", "code=jac_"), ("Deny", "error=access_denied")])
def test_both_buttons_of_the_consent_page_lead_to_the_client(
    stage: Stage, page: Page, button: str, answer: str
) -> None:
    """Two forms in a row: signing in and answering."""
    page.goto(stage.authorize(client_id="other", prompt="consent"))
    sign_in(page)
    page.get_by_role("button", name=button).click()
    assert answer in arrived(stage, page)


def test_signing_out_leads_back_to_the_client(stage: Stage, page: Page, context: BrowserContext) -> None:
    """RP-Initiated Logout §3, by the button; the cookie is gone."""
    page.goto(f"{stage.server.origin}/sign-in")
    sign_in(page)
    page.wait_for_url(f"{stage.server.origin}/")
    query = urlencode({"client_id": "todo", "post_logout_redirect_uri": stage.goodbye, "state": "bye"})
    page.goto(f"{stage.server.origin}/logout?{query}")
    page.get_by_role("button", name="Sign out").click()
    assert arrived(stage, page) == "state=bye"
    assert "__Host-jotary" not in {cookie["name"] for cookie in context.cookies()}


def test_the_cookie_is_kept_as_it_should_be_even_on_plain_loopback(
    stage: Stage, page: Page, context: BrowserContext
) -> None:
    """RFC 6265bis §4.1.3.2: the browser takes a __Host- cookie only with Secure, Path=/ and no Domain."""
    page.goto(f"{stage.server.origin}/sign-in")
    sign_in(page)
    page.wait_for_url(f"{stage.server.origin}/")
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    for name in ("__Host-jotary", "__Host-jotary-form"):
        cookie = cookies[name]
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
        assert (cookie["domain"], cookie["path"]) == ("127.0.0.1", "/")


def test_a_form_on_another_site_cannot_sign_anybody_in(stage: Stage, context: BrowserContext) -> None:
    """CWE-352: login CSRF, with everything that an attacker can know."""
    page = context.new_page()
    page.goto(f"{stage.elsewhere.origin}/arrived")
    page.set_content(
        f'<form method="post" action="{stage.server.origin}/sign-in">'
        f'<input name="username" value="{EMAIL}"><input name="password" value="{PASSWORD}">'
        '<input name="csrf_token" value="x"><button>Win a prize</button></form>'
    )
    page.get_by_role("button").click()
    page.wait_for_url(f"{stage.server.origin}/sign-in")
    assert page.get_by_role("heading", name="This form is no longer valid").is_visible()
    assert "__Host-jotary" not in {cookie["name"] for cookie in context.cookies()}


def test_no_other_site_can_frame_a_page(stage: Stage, context: BrowserContext) -> None:
    """CWE-1021."""
    page = context.new_page()
    page.goto(f"{stage.elsewhere.origin}/arrived")
    page.set_content(f'<iframe src="{stage.server.origin}/sign-in"></iframe>')
    page.wait_for_timeout(500)
    assert all("Sign in" not in frame.content() for frame in page.frames)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_pages_fit_their_screens(stage: Stage, chromium: Browser, scheme: str, width: int) -> None:
    """WCAG 1.4.10: nothing scrolls sideways at 320 pixels; 2.5.8: whatever is pressed is large enough.

    The words on a button stay in one line.
    """
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
    page = context.new_page()
    paths = ["/sign-in", "/sign-up", "/", "/password", "/logout", "/nothing"]
    addresses = [stage.authorize(client_id="nobody"), *(stage.server.origin + path for path in paths)]
    page.goto(addresses[1])
    for address in addresses:
        page.goto(address)
        if page.get_by_label("Password").count() and address.endswith("/"):
            sign_in(page)
            page.wait_for_url(f"{stage.server.origin}/")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        for element in page.locator("button, input:not([type=hidden], [hidden]), a.button").all():
            box = element.bounding_box()
            assert box is not None
            assert 44 <= box["height"] <= 56, address
    context.close()


def test_a_password_is_changed_and_this_browser_goes_on(stage: Stage, page: Page, chromium: Browser) -> None:
    """From the home page through the form and back, the other browser signed out; and changed back again."""
    elsewhere = chromium.new_context(java_script_enabled=False)
    other = elsewhere.new_page()
    for each in (other, page):
        each.goto(f"{stage.server.origin}/.well-known/change-password")
        sign_in(each)
        each.wait_for_url(f"{stage.server.origin}/password")
    page.goto(f"{stage.server.origin}/")
    page.get_by_role("link", name="Change your password").click()
    assert page.locator("input:focus").get_attribute("name") == "password"
    assert not page.locator("input[autocomplete=username]").is_visible()
    for present, new in ((PASSWORD, "password1"), ("wrong", NEW_PASSWORD)):
        change_password(page, present, new)
        assert page.locator("[aria-invalid=true]").count() == 1
    change_password(page, PASSWORD, NEW_PASSWORD)
    assert page.get_by_role("heading", name="Your password is changed").is_visible()
    other.goto(f"{stage.server.origin}/")
    assert other.get_by_role("heading", name="Sign in").is_visible()
    elsewhere.close()
    page.get_by_role("link", name="Back to your account").click()
    page.get_by_role("link", name="Change your password").click()
    change_password(page, NEW_PASSWORD, PASSWORD)
    page.goto(stage.authorize())
    assert "code=jac_" in arrived(stage, page)


def change_password(page: Page, present: str, new: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("Present password").fill(present)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change password").click()


def test_the_first_empty_field_is_ready_to_be_typed_into(stage: Stage, page: Page) -> None:
    """And the last field sends the form."""
    page.goto(stage.authorize(login_hint=EMAIL))
    assert page.locator("input:focus").get_attribute("name") == "password"
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    assert "code=jac_" in arrived(stage, page)
