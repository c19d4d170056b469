"""An answer by form post in a real browser, to a real client: what arrives there, how often, and from whom."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

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

if TYPE_CHECKING:
    from tests.browser.conftest import Port

EMAIL: Final = "ada@example.com"
PASSWORD: Final = "thirty purple otters hum"
HOSTILE: Final = "\"'></form><script>alert(1)</script><img src=x onerror=alert(1)>&amp;&#34;+%22 é\u2028"


class Listener:
    """The client: writes down what comes to its redirect URI, and sends its people on to another origin."""

    def __init__(self, origin: str, elsewhere: str) -> None:
        self.origin, self.elsewhere = origin, elsewhere
        self.callback = f"{origin}/callback?tenant=a%20b"
        self.requests: list[tuple[str, str, dict[str, str], list[tuple[str, str]]]] = []
        self.goes_on = True

    async def arrive(self, request: Request) -> Response:
        """Take an answer."""
        body = parse_qsl((await request.body()).decode(), strict_parsing=True) if request.method == "POST" else []
        self.requests.append((request.method, request.url.query, dict(request.headers), body))
        return RedirectResponse(f"{self.elsewhere}/arrived", 303) if self.goes_on else Response(status_code=204)

    async def arrived(self, _request: Request) -> Response:
        """Where it ends."""
        return HTMLResponse('<title>arrived</title><link rel="icon" href="data:,">')

    def app(self) -> Starlette:
        """Both places."""
        return Starlette(
            routes=[Route("/callback", self.arrive, methods=["GET", "POST"]), Route("/arrived", self.arrived)]
        )

    def received(self) -> tuple[dict[str, str], dict[str, str]]:
        """The parameters and the headers of the one answer that came."""
        ((method, query, headers, body),) = self.requests
        assert (method, query) == ("POST", "tenant=a%20b")
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        assert len(dict(body)) == len(body)
        return dict(body), headers


async def furnish(settings: Settings, callback: str) -> None:
    """One person, a client of the operator's own, and one of somebody else."""
    store = await open_store(settings.database)
    hasher = HashingPool(workers=1)
    clients = [
        Client(
            id=name,
            name=name.title(),
            type="web",
            token_endpoint_auth_method="none",
            redirect_uris=(callback,),
            grant_types=("authorization_code",),
            scopes=("openid",),
            is_first_party=name == "own",
            created_at=1,
        )
        for name in ("own", "other")
    ]
    await store.commit(
        AddUser(User(id="ada", email=EMAIL, name="Ada Lovelace", created_at=1)),
        PutPassword(Password(user_id="ada", hash=await hasher.hash(PASSWORD), changed_at=1)),
        *map(AddClient, clients),
    )
    hasher.close()
    await store.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, port: "Port") -> tuple[str, Listener]:
    """The issuer, and the client that listens."""
    (issuer, serve_issuer), (client, serve_client), (elsewhere, serve_elsewhere) = port(), port(), port()
    folder: Path = tmp_path_factory.mktemp("form-post")
    settings = Settings(issuer=issuer, database=f"sqlite:///{folder}/jotary.db", secret=Secret("s" * 40))
    listener = Listener(client, elsewhere)
    asyncio.run(furnish(settings, listener.callback))
    serve_issuer(create_app(settings))
    serve_client(listener.app())
    serve_elsewhere(listener.app())
    return issuer, listener


@pytest.fixture
def issuer(stage: tuple[str, Listener]) -> str:
    """Whose pages these are."""
    return stage[0]


@pytest.fixture
def listener(stage: tuple[str, Listener]) -> Listener:
    """The client, to which nothing has come yet."""
    listener = stage[1]
    listener.requests.clear()
    listener.goes_on = True
    return listener


@pytest.fixture(params=[True, False], ids=["script", "no-script"])
def scripted(request: pytest.FixtureRequest) -> bool:
    """Whether scripts run in the browser."""
    runs: bool = request.param
    return runs


@pytest.fixture
def page(chromium: Browser, *, scripted: bool) -> Iterator[Page]:
    """A fresh profile; whatever the browser complains about fails the test."""
    context = chromium.new_context(java_script_enabled=scripted)
    context.set_default_timeout(15_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    yield page
    context.close()
    assert complaints == []


only_with_a_script = pytest.mark.parametrize("scripted", [True], indirect=True, ids=["script"])


def authorize(issuer: str, listener: Listener, **changed: str) -> str:
    """The address of an authorization request."""
    parameters = {
        "client_id": "own",
        "redirect_uri": listener.callback,
        "response_type": "code",
        "response_mode": "form_post",
        "scope": "openid",
        "state": "s-1",
        "code_challenge": pkce.challenge("v" * 43),
        "code_challenge_method": "S256",
        **changed,
    }
    return f"{issuer}/authorize?{urlencode(parameters)}"


def sign_in(page: Page) -> None:
    """Fill in the form and send it."""
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def arrive(page: Page, listener: Listener, *, press: bool) -> None:
    """Go on to where the client sends its people; without a script by pressing the button."""
    if press:
        page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{listener.elsewhere}/arrived")


def test_a_code_arrives_once_with_its_state_and_from_its_issuer(
    issuer: str, listener: Listener, page: Page, *, scripted: bool
) -> None:
    """Form Post Response Mode §2, RFC 9207 §2; the origin alone comes along, and the way on is open (decision 4)."""
    page.goto(authorize(issuer, listener, state=HOSTILE))
    sign_in(page)
    arrive(page, listener, press=not scripted)
    answer, headers = listener.received()
    assert answer.keys() == {"code", "state", "iss"}
    assert answer["code"].startswith("jac_")
    assert (answer["state"], answer["iss"]) == (HOSTILE, issuer)
    assert (headers["origin"], headers["referer"]) == (issuer, f"{issuer}/")


def test_an_error_arrives_in_the_same_way(issuer: str, listener: Listener, page: Page, *, scripted: bool) -> None:
    """RFC 6749 §4.1.2.1: with nobody signed in, and no page before."""
    page.goto(authorize(issuer, listener, prompt="none"))
    arrive(page, listener, press=not scripted)
    answer, _ = listener.received()
    assert (answer["error"], answer["state"], answer["iss"]) == ("login_required", "s-1", issuer)


@pytest.mark.parametrize(("button", "name"), [("Allow", "code"), ("Deny", "error")])
def test_what_a_person_answers_arrives(
    issuer: str, listener: Listener, page: Page, button: str, name: str, *, scripted: bool
) -> None:
    """Three forms in a row: signing in, answering, and the answer."""
    page.goto(authorize(issuer, listener, client_id="other", prompt="consent"))
    sign_in(page)
    page.get_by_role("button", name=button).click()
    arrive(page, listener, press=not scripted)
    assert name in listener.received()[0]


@only_with_a_script
def test_going_back_does_not_send_it_again(issuer: str, listener: Listener, page: Page) -> None:
    """RFC 6749 §4.1.2: a code that comes twice ends the session."""
    page.goto(f"{issuer}/sign-in")
    page.goto(authorize(issuer, listener, prompt="none"))
    arrive(page, listener, press=False)
    page.go_back()
    assert page.url == f"{issuer}/sign-in"
    listener.received()


@only_with_a_script
def test_nobody_can_press_while_the_client_takes_its_time(issuer: str, listener: Listener, page: Page) -> None:
    """RFC 6749 §4.1.2: the button would send the same code again. A 204 leaves the page standing."""
    listener.goes_on = False
    page.goto(authorize(issuer, listener, prompt="none"), wait_until="commit")
    page.locator("button[hidden]").wait_for(state="attached")
    assert page.locator("button").is_hidden()
    assert page.get_by_role("heading", name="On to this device").is_visible()


def test_the_page_fits_a_small_screen(issuer: str, listener: Listener, chromium: Browser) -> None:
    """WCAG 1.4.10, 2.5.8: for who has no script and must press."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 320, "height": 800})
    page = context.new_page()
    page.goto(authorize(issuer, listener, prompt="none"))
    assert page.locator("noscript").inner_text() == "Without JavaScript it takes one press more."
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    box = page.get_by_role("button", name="Continue").bounding_box()
    assert box is not None
    assert box["height"] >= 44
    context.close()
    assert listener.requests == []
