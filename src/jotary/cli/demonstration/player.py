"""What the story is played with: a native client, its tokens, and the doors of the three servers."""

import secrets
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx2
import msgspec

from jotary.cli.demonstration.browser import Browser
from jotary.cli.demonstration.cast import EMAIL, NATIVE, SCOPES, Cast
from jotary.client.authorization import AUTHORIZATION_ENTROPY, build_authorization_request, check_callback
from jotary.oauth.metadata import ServerMetadata, well_known_urls
from jotary.oauth.parameters import Parameters

#: Where the native client says it listens; nobody does, the browser hands the answer over.
REDIRECT_URI = "http://127.0.0.1:49152/callback"


class Tokens(msgspec.Struct, frozen=True):
    """A token response. It does not print."""

    access_token: str
    refresh_token: str
    id_token: str

    def __repr__(self) -> str:
        """Nothing of the tokens."""
        return "<Tokens>"


class Player:
    """One run of the story.

    Args:
        issuer: origin of the User API.
        todo_api: origin of the ToDo API.
        todo_web: origin of the ToDo web app.
        cast: the person and the clients.
    """

    def __init__(self, *, issuer: str, todo_api: str, todo_web: str, cast: Cast) -> None:
        self.issuer = issuer
        self.todo_api = todo_api
        self.todo_web = todo_web
        self.cast = cast
        self.http = httpx2.Client(timeout=15, trust_env=False)
        self.metadata = ServerMetadata(issuer=issuer)
        self.tokens = Tokens("", "", "")
        self.earlier: list[Tokens] = []

    def __enter__(self) -> Self:
        """It is ready."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.http.close()

    def discover(self) -> httpx2.Response:
        """Fetch the issuer's metadata, from which every endpoint is known."""
        response = self.http.get(well_known_urls(self.issuer)[0])
        self.metadata = ServerMetadata.from_dict(response.json(), issuer=self.issuer)
        return response

    def sign_in(self) -> httpx2.Response:
        """Sign the person in with the native client: browser, code with PKCE, tokens."""
        return self.take(self.ask(self.authorize()))

    def authorize(self) -> dict[str, str]:
        """Go through the browser to a code, and return the form that redeems it.

        Raises:
            ProtocolError: the browser did not come back with a code.
        """
        request = build_authorization_request(
            self.metadata,
            client_id=NATIVE,
            redirect_uri=REDIRECT_URI,
            scopes=SCOPES,
            resources=(self.todo_api,),
            entropy=secrets.token_bytes(AUTHORIZATION_ENTROPY),
        )
        with Browser(stop_at=REDIRECT_URI) as browser:
            callback = str(enter_password(browser, request.url, self.cast))
        answer = Parameters(parse_qsl(urlsplit(callback).query))
        code = check_callback(answer, state=request.state, issuer=self.issuer, metadata=self.metadata)
        return {
            "grant_type": "authorization_code",
            "client_id": NATIVE,
            "code": code.reveal(),
            "redirect_uri": REDIRECT_URI,
            "code_verifier": request.code_verifier.reveal(),
        }

    def refresh(self, refresh_token: str) -> httpx2.Response:
        """Trade a refresh token; the answer is not kept."""
        return self.ask({"grant_type": "refresh_token", "client_id": NATIVE, "refresh_token": refresh_token})

    def ask(self, form: Mapping[str, str], *, secret: tuple[str, str] | None = None) -> httpx2.Response:
        """One request to the token endpoint."""
        auth = secret or httpx2.USE_CLIENT_DEFAULT
        return self.http.post(str(self.metadata.token_endpoint), data=dict(form), auth=auth)

    def take(self, response: httpx2.Response) -> httpx2.Response:
        """Keep the tokens of an answer as a client does, and remember the ones before."""
        if response.status_code == httpx2.codes.OK:
            self.earlier.append(self.tokens)
            body: dict[str, Any] = response.json()
            self.tokens = Tokens(body["access_token"], body["refresh_token"], body["id_token"])
        return response

    def call(self, token: str, *, method: str = "GET", **json: str) -> httpx2.Response:
        """Call the ToDo API with a token."""
        return self.http.request(
            method, f"{self.todo_api}/tasks", headers={"Authorization": f"Bearer {token}"}, json=json or None
        )

    def wait_until_expired(self, seconds: int) -> None:
        """Let an access token's lifetime pass; a whole second more, since times in tokens are whole seconds."""
        time.sleep(seconds + 1)


def enter_password(browser: Browser, url: str, cast: Cast) -> httpx2.Response | str:
    """Open a URL that leads to the sign-in page, and sign in."""
    page = browser.open(url)
    if isinstance(page, str):
        return page
    return browser.submit(page, username=EMAIL, password=cast.password.reveal())
