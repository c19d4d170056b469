"""Other people's clients and APIs, as they are, against a real server; two clients go the whole way."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt as pyjwt
import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError as AuthlibError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oidc.discovery import get_well_known_url
from jose import jwt as python_jose
from jose.exceptions import JWTClaimsError
from joserfc import jwk, jwt
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError
from requests_oauthlib import OAuth2Session as RequestsSession

from jotary.cli.demonstration.browser import Browser
from jotary.cli.demonstration.cast import NATIVE, ROBOT, SCOPES, WEB
from jotary.cli.demonstration.player import REDIRECT_URI, Tokens, enter_password

if TYPE_CHECKING:
    from tests.journeys.conftest import UserAPI

TODO_API = "http://127.0.0.1:8001"
WEB_CALLBACK = "http://localhost:8002/auth/callback"
GOODBYE = "http://localhost:8002/"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib")


@pytest.fixture(autouse=True)
def insecure_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both insist on https, and the tests' server stands on loopback."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser that hands over to either client."""
    with Browser(stop_at=(REDIRECT_URI, WEB_CALLBACK)) as browser:
        yield browser


def discover(running: "UserAPI") -> dict[str, Any]:
    """The metadata, found as Authlib finds it."""
    metadata: dict[str, Any] = requests.get(get_well_known_url(running.issuer, external=True), timeout=10).json()
    assert metadata["issuer"] == running.issuer
    return metadata


def verified_claims(metadata: dict[str, Any], token: str) -> dict[str, Any]:
    """A token's claims, verified by joserfc with the published keys."""
    keys = jwk.KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    claims: dict[str, Any] = jwt.decode(token, keys, algorithms=["ES256"]).claims
    return claims


def signed_in(running: "UserAPI") -> Tokens:
    """The tokens of a native client's sign-in."""
    player = running.player()
    player.sign_in()
    return player.tokens


def test_authlib_signs_in_refreshes_and_signs_out(running: "UserAPI", browser: Browser) -> None:
    """Discovery, code with PKCE, userinfo, refresh, replay, revocation, logout: a confidential web client."""
    metadata = discover(running)
    session = AuthlibSession(
        WEB,
        running.cast.web_secret.reveal(),
        scope=" ".join(SCOPES),
        redirect_uri=WEB_CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic",
    )
    verifier, nonce = generate_token(48), generate_token()
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    callback = str(enter_password(browser, url, running.cast))
    assert parse_qs(urlsplit(callback).query)["iss"] == [running.issuer]
    token = session.fetch_token(
        metadata["token_endpoint"], authorization_response=callback, code_verifier=verifier, state=state
    )
    # RFC 8707 §2: a client that names no resource, as these do not, gets a token for the API that it is registered for.
    assert verified_claims(metadata, token["access_token"])["aud"] == TODO_API
    claims = verified_claims(metadata, token["id_token"])
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (running.issuer, WEB, nonce)
    person = session.get(metadata["userinfo_endpoint"], timeout=10).json()
    assert (person["sub"], person["email"]) == (claims["sub"], "ada@example.com")

    first = token["refresh_token"]
    second = session.refresh_token(metadata["token_endpoint"], refresh_token=first)["refresh_token"]
    assert session.refresh_token(metadata["token_endpoint"], refresh_token=first)["refresh_token"] == second
    third = session.refresh_token(metadata["token_endpoint"], refresh_token=second)["refresh_token"]
    with pytest.raises(AuthlibError, match="invalid_grant"):  # two generations old: stolen
        session.refresh_token(metadata["token_endpoint"], refresh_token=first)
    with pytest.raises(AuthlibError, match="invalid_grant"):
        session.refresh_token(metadata["token_endpoint"], refresh_token=third)

    end = requests.Request(
        "GET",
        metadata["end_session_endpoint"],
        params={"id_token_hint": token["id_token"], "post_logout_redirect_uri": GOODBYE, "state": "bye"},
    )
    with Browser(stop_at=GOODBYE) as leaving:
        leaving.cookies = browser.cookies
        left = leaving.open(str(end.prepare().url))
    assert left == f"{GOODBYE}?state=bye"
    # A browser that signed in once is known as that, and no more.
    assert browser.cookies["127.0.0.1"].keys() <= {"__Host-jotary-form", "__Host-jotary-known"}
    session.close()


def test_authlib_revokes_and_introspects(running: "UserAPI") -> None:
    """Client credentials, introspection (RFC 7662) and revocation (RFC 7009) of a service."""
    metadata = discover(running)
    session = AuthlibSession(
        ROBOT, running.cast.robot_secret.reveal(), token_endpoint_auth_method="client_secret_basic"
    )
    token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="todo:read")
    assert (token["token_type"], token["scope"]) == ("Bearer", "todo:read")
    introspected = session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()
    assert introspected["active"] is True
    assert (introspected["sub"], introspected["client_id"]) == (ROBOT, ROBOT)
    assert session.revoke_token(metadata["revocation_endpoint"], token=token["access_token"]).status_code == 200
    after = session.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()
    assert after == {"active": False}
    session.close()


def test_requests_oauthlib_goes_the_whole_way(running: "UserAPI", browser: Browser) -> None:
    """Code with PKCE, a protected call, refresh, replay and revocation: a public native client."""
    metadata = discover(running)
    session = RequestsSession(NATIVE, redirect_uri=REDIRECT_URI, scope=list(SCOPES), pkce="S256")
    url, _ = session.authorization_url(metadata["authorization_endpoint"])
    callback = str(enter_password(browser, url, running.cast))
    token = session.fetch_token(
        metadata["token_endpoint"], authorization_response=callback, include_client_id=True, timeout=10
    )
    assert session.get(metadata["userinfo_endpoint"], timeout=10).json()["name"] == "Ada Lovelace"
    assert set(token["scope"]) == set(SCOPES)

    first = token["refresh_token"]
    second = session.refresh_token(metadata["token_endpoint"], first, client_id=NATIVE)["refresh_token"]
    again = session.refresh_token(metadata["token_endpoint"], first, client_id=NATIVE)["refresh_token"]
    assert first != second == again
    revoked = requests.post(metadata["revocation_endpoint"], data={"token": second, "client_id": NATIVE}, timeout=10)
    assert (revoked.status_code, revoked.content) == (200, b"")
    with pytest.raises(InvalidGrantError):
        session.refresh_token(metadata["token_endpoint"], second, client_id=NATIVE)
    session.close()


def test_requests_oauthlib_acts_for_itself(running: "UserAPI") -> None:
    """Client credentials by HTTP Basic; the token is introspected by the client that it was issued to."""
    metadata = discover(running)
    secret = running.cast.robot_secret.reveal()
    session = RequestsSession(client=BackendApplicationClient(client_id=ROBOT))
    token = session.fetch_token(metadata["token_endpoint"], client_id=ROBOT, client_secret=secret, timeout=10)
    answer = requests.post(
        metadata["introspection_endpoint"], data={"token": token["access_token"]}, auth=(ROBOT, secret), timeout=10
    )
    assert answer.json()["active"] is True
    session.close()


def test_pyjwt_finds_the_key_as_an_api_does(running: "UserAPI") -> None:
    """Its key client reads the published keys (RFC 7517 §5); a token for another API is refused."""
    metadata = discover(running)
    token = signed_in(running).access_token
    key = pyjwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
    claims = pyjwt.decode(token, key, algorithms=["ES256"], audience=TODO_API, issuer=running.issuer)
    assert claims["client_id"] == NATIVE
    with pytest.raises(pyjwt.InvalidAudienceError):
        pyjwt.decode(token, key, algorithms=["ES256"], audience=GOODBYE, issuer=running.issuer)


def test_python_jose_verifies_an_id_token_with_its_access_token(running: "UserAPI") -> None:
    """`at_hash` binds the two (OIDC Core §3.1.3.6), as another implementation computes it."""
    metadata = discover(running)
    tokens = signed_in(running)
    keys = requests.get(metadata["jwks_uri"], timeout=10).json()
    expected = {"algorithms": ["ES256"], "audience": NATIVE, "issuer": running.issuer}
    claims = python_jose.decode(tokens.id_token, keys, access_token=tokens.access_token, **expected)
    assert claims["email"] == "ada@example.com"
    with pytest.raises(JWTClaimsError, match="at_hash"):
        python_jose.decode(tokens.id_token, keys, access_token="another", **expected)
