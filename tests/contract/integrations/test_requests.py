"""What every integration must do with a request, whatever the framework (RFC 6750, RFC 9728)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from jotary import MultiIssuerVerifier, TokenVerifier
from jotary.testing import Fault, FrozenClock, LoopbackIssuer, TestIssuer

METADATA = "/.well-known/oauth-protected-resource"
Build = Callable[[TokenVerifier | MultiIssuerVerifier], ASGIApp]
ISSUER = TestIssuer(audience="https://todo.example", clock=FrozenClock())


@pytest.fixture
def client(build: Build) -> Iterator[TestClient]:
    """An API protected in that way; an exception in it fails the test."""
    with TestClient(build(ISSUER.verifier()), base_url="https://todo.example") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {token}"}


def challenge(response: Any) -> str:
    """The WWW-Authenticate header."""
    value: str = response.headers["WWW-Authenticate"]
    return value


def test_a_good_token_is_let_in(client: TestClient) -> None:
    """With its scopes, and the caller known to the handler."""
    token = ISSUER.token("ada", scopes=["todo:read", "todo:write"])
    for method, path in (("GET", "/tasks"), ("POST", "/tasks"), ("GET", "/me"), ("GET", "/tasks")):
        response = client.request(method, path, headers=bearer(token))
        assert (response.status_code, response.json()) == (200, {"subject": "ada"})


def test_without_a_token_the_client_is_asked_for_one(client: TestClient) -> None:
    """RFC 6750 §3.1: no error code; the scope that it takes, and where to learn more (RFC 9728 §5.1)."""
    response = client.get("/tasks")
    assert response.status_code == 401
    assert challenge(response) == f'Bearer scope="todo:read", resource_metadata="https://todo.example{METADATA}"'
    assert list(response.json()) == ["error_description"]
    assert response.headers["Cache-Control"] == "no-store"


def test_no_scope_is_asked_for_where_none_is_needed(client: TestClient) -> None:
    """An empty one would be malformed (RFC 6749 §3.3)."""
    assert "scope=" not in challenge(client.get("/me"))


@pytest.mark.parametrize("value", ["Basic YTpi", "DPoP x", "Bearerx y", ""])
def test_another_scheme_is_like_no_token(client: TestClient, value: str) -> None:
    """RFC 6750 §3.1."""
    response = client.get("/tasks", headers={"Authorization": value})
    assert response.status_code == 401
    assert "error=" not in challenge(response)


@pytest.mark.parametrize("value", ["Bearer", "Bearer  ", "Bearer a b", 'Bearer "x"', "Bearer a,b", "bearer ="])
def test_a_malformed_header_is_400(client: TestClient, value: str) -> None:
    """RFC 6750 §3.1, invalid_request."""
    response = client.get("/tasks", headers={"Authorization": value})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert 'error="invalid_request"' in challenge(response)


def test_more_than_one_way_of_sending_is_400(client: TestClient) -> None:
    """RFC 6750 §2, §3.1: also the same header twice."""
    token = ISSUER.token(scopes=["todo:read"])
    both = client.get("/tasks", headers=bearer(token), params={"access_token": token})
    twice = client.get("/tasks", headers=[("Authorization", f"Bearer {token}")] * 2)
    assert (both.status_code, twice.status_code) == (400, 400)


def test_a_token_in_the_url_is_not_taken(client: TestClient) -> None:
    """RFC 9700 §4.3.2."""
    assert client.get("/tasks", params={"access_token": ISSUER.token(scopes=["todo:read"])}).status_code == 401


BAD = {
    "garbage": "garbage",
    "expired": ISSUER.token(lifetime=-10),
    "other audience": ISSUER.token(aud="https://other.example"),
    "other issuer": ISSUER.token(iss="https://other.example"),
    "ID token": ISSUER.id_token(aud="https://todo.example"),
    "no subject": ISSUER.token(without=["sub"]),
    "unknown kid": ISSUER.token(header={"kid": "unknown"}),
    "foreign key": TestIssuer(ISSUER.issuer, audience=ISSUER.audience, clock=ISSUER.clock).token(),
    "changed": ISSUER.token()[:-6] + "AAAAAA",
    "too long": ISSUER.token(padding="x" * 9000),
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD.keys())
def test_a_bad_token_is_401(client: TestClient, token: str) -> None:
    """RFC 6750 §3.1, with the reason for whoever integrates."""
    response = client.get("/tasks", headers=bearer(token))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    assert challenge(response).startswith('Bearer error="invalid_token", error_description="')
    assert response.headers["Cache-Control"] == "no-store"
    assert token not in response.text


def test_several_issuers_go_wherever_one_goes(build: Build) -> None:
    """RFC 9728 §2: all are named in the metadata; a token of a third one is refused."""
    other, third = (TestIssuer(f"https://{name}.example", audience=ISSUER.audience) for name in ("other", "third"))
    client = TestClient(build(MultiIssuerVerifier([ISSUER.verifier(), other.verifier()])))
    answers = [client.get("/tasks", headers=bearer(one.token(scopes=["todo:read"]))) for one in (ISSUER, other, third)]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert client.get(METADATA).json()["authorization_servers"] == [ISSUER.issuer, other.issuer]


def test_no_header_and_no_claim_can_crash_it(build: Build) -> None:
    """401 or 400, never 500."""
    client = TestClient(build(ISSUER.verifier()))
    values = (
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9) | st.lists(st.text(max_size=3))
    )
    names = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "sid", "scope"])

    @settings(max_examples=60)
    @given(
        header=st.binary(max_size=60).filter(lambda value: b"\n" not in value and b"\r" not in value),
        name=names,
        value=values,
    )
    def attack(header: bytes, name: str, value: Any) -> None:
        claims: dict[str, Any] = {name: value}
        for authorization in (header, b"Bearer " + header, b"Bearer " + ISSUER.token(**claims).encode()):
            response = client.get("/tasks", headers=[(b"Authorization", authorization)])
            assert response.status_code in {400, 401, 403}

    attack()


@pytest.mark.parametrize("size", [9_000, 1_000_000])
def test_a_huge_header_is_refused(client: TestClient, size: int) -> None:
    """Whatever the web server lets through."""
    for value in ("Bearer " + "a" * size, "Bearer " + "." * size, "Basic " + "a" * size):
        assert client.get("/tasks", headers={"Authorization": value}).status_code == 401


def test_a_missing_scope_is_403(client: TestClient) -> None:
    """RFC 6750 §3.1: with all the scopes that it takes."""
    response = client.post("/tasks", headers=bearer(ISSUER.token(scopes=["todo:read", "todo:wri"])))
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="todo:read todo:write"' in challenge(response)


def test_without_keys_the_answer_is_503(build: Build) -> None:
    """The token may be good; the client should come back (RFC 9110 §15.6.4)."""
    with LoopbackIssuer(audience="https://todo.example") as issuer:
        issuer.break_everything(Fault(status=500))
        verifier = TokenVerifier(issuer=issuer.issuer, audience=issuer.audience)
        client = TestClient(build(verifier))
        response = client.get("/tasks", headers=bearer(issuer.token(scopes=["todo:read"])))
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert response.json()["error"] == "temporarily_unavailable"
        assert "127.0.0.1" not in response.text


def test_keys_are_fetched_for_a_request(build: Build) -> None:
    """The way it is in production: nothing is prepared at start."""
    with LoopbackIssuer(audience="https://todo.example") as issuer:
        client = TestClient(build(TokenVerifier(issuer=issuer.issuer, audience=issuer.audience)))
        for _ in range(3):
            assert client.get("/tasks", headers=bearer(issuer.token(scopes=["todo:read"]))).status_code == 200
        assert issuer.fetches() == 1


def test_the_metadata_document_can_be_read_by_anyone(client: TestClient) -> None:
    """RFC 9728 §2, §3: without a token, and from a page of any origin."""
    response = client.get(METADATA, headers={"Origin": "https://anywhere.example"})
    assert response.status_code == 200
    assert response.json() == {
        "resource": "https://todo.example",
        "authorization_servers": [ISSUER.issuer],
        "scopes_supported": ["todo:read", "todo:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "ToDo",
    }
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert client.head(METADATA).status_code == 200


def test_head_is_protected_like_get(client: TestClient) -> None:
    """RFC 9110 §9.3.2: its headers would tell as much."""
    assert client.head("/tasks").status_code == 401
    assert client.head("/tasks", headers=bearer(ISSUER.token(scopes=["todo:read"]))).status_code == 200


def test_a_preflight_request_needs_no_token(client: TestClient) -> None:
    """The browser sends none with it (Fetch §3.2.2); CORS stands outside."""
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    response = client.options("/tasks", headers=asked)
    assert response.is_success
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_a_browser_may_read_a_refusal(client: TestClient) -> None:
    """A page learns that it must refresh, rather than "network error"."""
    response = client.get("/tasks", headers={"Origin": "https://app.example"})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example")


def test_a_refusal_is_json(client: TestClient) -> None:
    """With a length, and nothing but the two members."""
    response = client.get("/tasks", headers=bearer("garbage"))
    assert response.headers["Content-Type"] == "application/json"
    assert set(json.loads(response.content)) == {"error", "error_description"}
