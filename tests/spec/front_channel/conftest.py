"""The server over HTTP, in memory: its ASGI application, and browsers that keep cookies and fill in forms."""

import dataclasses
import re
import secrets
from collections.abc import Iterator
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from jotary.oauth import pkce
from jotary.oauth.secret import Secret
from jotary.server.flows.factors.password import PasswordFactor
from jotary.server.flows.issue import TokenResponse
from jotary.server.flows.metadata import Documents
from jotary.server.flows.revocation_feed import RevocationFeed
from jotary.server.flows.signed_in import sign_in_id
from jotary.server.keyring import derive_key
from jotary.server.model.changes import EndSignIn, PutPassword
from jotary.server.model.client import Client
from jotary.server.model.credential import Password
from jotary.server.model.user import User
from jotary.server.passwords import HashingPool
from jotary.server.web import Parts, build_app
from jotary.server.web.cookies import SIGN_IN

ORIGIN: Final = "https://id.example.com"
CALLBACK: Final = "https://web.example.com/callback"
GOODBYE: Final = "https://web.example.com/goodbye"
VERIFIER: Final = "v" * 43
PASSWORD: Final = "thirty purple otters hum"
OWN_PAGE: Final = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}

_INPUT: Final = re.compile(r"<input ([^>]*)>")
_ATTRIBUTE: Final = re.compile(r'([a-z-]+)="([^"]*)"')


class Browser:
    """One browser: keeps cookies, follows nothing by itself, and fills in forms."""

    def __init__(self, site: "Site") -> None:
        self.site = site
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(site.app), base_url=ORIGIN, follow_redirects=False
        )

    @property
    def cookies(self) -> dict[str, str]:
        """What the browser keeps."""
        return {cookie.name: cookie.value or "" for cookie in self.http.cookies.jar}

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Open a page."""
        return self.request("GET", path, headers=headers)

    def request(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Any request."""
        response: httpx2.Response = self.site.desk.run(self.http.request(method, path, **more))
        return response

    def post(self, path: str, form: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
        """Send a form from one of the server's own pages, or from wherever `headers` say."""
        content = form if isinstance(form, bytes) else urlencode(form, doseq=True).encode()
        more = {"Content-Type": "application/x-www-form-urlencoded", **(OWN_PAGE if headers is None else headers)}
        return self.request("POST", path, content=content, headers=more)

    def fields(self, page: httpx2.Response) -> dict[str, str]:
        """The fields of a page's first form with their values."""
        form = page.text.partition("<form")[2].partition("</form>")[0]
        inputs = [dict(_ATTRIBUTE.findall(attributes)) for attributes in _INPUT.findall(form)]
        return {field["name"]: unescape(field.get("value", "")) for field in inputs}

    def submit(self, page: httpx2.Response, path: str, **typed: str) -> httpx2.Response:
        """Fill in a page's first form and send it."""
        return self.post(path, {**self.fields(page), **typed})

    def authorize(self, **changed: Any) -> httpx2.Response:
        """Send an authorization request."""
        return self.get(self.site.authorize_path(**changed))

    def sign_in(self, return_to: str = "/", username: str | None = None, password: str = PASSWORD) -> httpx2.Response:
        """Sign in by the form."""
        page = self.get(f"/sign-in?{urlencode({'return_to': return_to})}")
        return self.submit(page, "/sign-in", username=username or self.site.user.email, password=password)


class Site:
    """The server with one person (who has a password) and one first-party client."""

    def __init__(self, desk: Any, hasher: HashingPool) -> None:
        self.desk = desk
        self.hasher = hasher
        self.client: Client = desk.add_client("web", is_first_party=True, post_logout_redirect_uris=(GOODBYE,))
        self.user: User = self.add_user("ada@example.com", PASSWORD, name="Ada Lovelace")
        self.parts = self.new_parts()
        self.app = build_app(self.parts)

    def new_parts(self, **changed: Any) -> Parts:
        """What the composition root passes."""
        desk = self.desk
        settings = changed.get("settings", desk.settings)
        whole: dict[str, Any] = {
            "settings": settings,
            "store": desk.store,
            "factor": PasswordFactor(desk.store, self.hasher),
            "hasher": self.hasher,
            "signer": desk.keyring,
            "clock": lambda: desk.now,
            "entropy": secrets.token_bytes,
            "limiter": dataclasses.replace(desk.limiter, settings=settings),
            "csrf_key": derive_key(settings.secret, "csrf"),
            "token": desk.token,
            "revocation": desk.revocation,
            "introspection": desk.introspection,
            "userinfo": desk.userinfo,
            "documents": Documents(settings=settings, signer=desk.keyring),
            "feed": RevocationFeed(
                desk.store,
                desk.keyring,
                lambda: desk.now,
                issuer=settings.issuer,
                renew_keys=desk.keyring.refresh,
            ),
        }
        return Parts(**{**whole, **changed})

    def rebuild(self, **changed: Any) -> None:
        """The same server with other parts."""
        self.parts = self.new_parts(**changed)
        self.app = build_app(self.parts)

    def add_user(self, email: str, password: str, **changed: Any) -> User:
        """A person with a password."""
        user: User = self.desk.add_user(email=email, **changed)
        phc = self.desk.run(self.hasher.hash(password))
        self.desk.write(PutPassword(Password(user_id=user.id, hash=phc, changed_at=self.desk.now)))
        return user

    def add_third_party(self, client_id: str = "other", **changed: Any) -> Client:
        """A client that people are asked about."""
        client: Client = self.desk.add_client(client_id, name="Somebody's App", **changed)
        return client

    def browser(self) -> Browser:
        """A fresh browser."""
        return Browser(self)

    def request(self, **changed: Any) -> dict[str, Any]:
        """The parameters of a good authorization request, or of one that is changed; None leaves one out."""
        parameters: dict[str, Any] = {
            "client_id": "web",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid todo:read",
            "state": "s-1",
            "nonce": "n-1",
            "code_challenge": pkce.challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def authorize_path(self, **changed: Any) -> str:
        """The address of an authorization request; a list repeats a parameter."""
        return "/authorize?" + urlencode(self.request(**changed), doseq=True)

    def answer(self, response: httpx2.Response, callback: str = CALLBACK) -> dict[str, str]:
        """The parameters with which the browser is sent to the client."""
        assert response.status_code == 303, response.text
        address = response.headers["location"]
        assert address.partition("?")[0] == callback.partition("?")[0]
        assert not urlsplit(address).fragment
        pairs = parse_qsl(urlsplit(address).query, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs), "no parameter is sent twice"
        return dict(pairs)

    def redemption(self, response: httpx2.Response) -> dict[str, str]:
        """The form with which the client redeems the code that the browser brings."""
        return {
            "grant_type": "authorization_code",
            "code": self.answer(response)["code"],
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }

    def tokens(self, response: httpx2.Response) -> TokenResponse:
        """The tokens that the first-party client gets for the code that the browser brings."""
        tokens: TokenResponse = self.desk.ask(self.client, **self.redemption(response))
        return tokens

    def sign_in_id(self, browser: Browser) -> str:
        """The id of the sign-in that a browser's cookie opens."""
        return sign_in_id(Secret(browser.cookies[SIGN_IN]))

    def end_sign_in(self, identifier: str) -> tuple[EndSignIn]:
        """What ends a sign-in behind a browser's back."""
        return (EndSignIn(identifier, self.desk.now),)

    def return_to(self, response: httpx2.Response) -> str:
        """Where the person goes on after the sign-in that they are sent to."""
        assert response.status_code == 303
        address = urlsplit(response.headers["location"])
        assert (address.scheme, address.netloc, address.path) == ("", "", "/sign-in")
        return parse_qs(address.query)["return_to"][0]


@pytest.fixture(scope="session")
def hasher() -> Iterator[HashingPool]:
    """Argon2id as in service: some 20 ms a password."""
    pool = HashingPool(workers=1, queue=8)
    yield pool
    pool.close()


@pytest.fixture
def site(desk: Any, hasher: HashingPool) -> Site:
    """The server over HTTP, in memory, on a fresh database."""
    return Site(desk, hasher)


@pytest.fixture
def browser(site: Site) -> Browser:
    """A fresh browser at that server."""
    return site.browser()


@pytest.fixture
def signed_in(site: Site) -> Browser:
    """A browser in which the person is signed in."""
    browser = site.browser()
    assert browser.sign_in().status_code == 303
    return browser
