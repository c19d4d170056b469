"""RFC 6750: how a bearer token is sent to an API, and how the API answers."""

import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from jotary.integrations.starlette import JotarySecurity
from jotary.testing import TestIssuer

ISSUER = TestIssuer()
# RFC 6750 §3: what the values of error and error_description, and of scope, may consist of.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")
SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*")


@pytest.fixture
def client() -> Iterator[TestClient]:
    """An API with one resource that takes two scopes."""
    security = JotarySecurity(ISSUER.verifier())

    @security.require("todo:read", "todo:write")
    async def tasks(_: Request) -> Response:
        return JSONResponse([])

    routes = [Route("/tasks", tasks, methods=["GET", "POST"])]
    with TestClient(Starlette(routes=routes)) as client:
        yield client


def parameters(challenge: str) -> dict[str, str]:
    """The parameters of a Bearer challenge."""
    scheme, _, rest = challenge.partition(" ")
    assert scheme == "Bearer"
    found = dict(re.findall(r'([a-z_]+)="([^"\\]*)"', rest))
    assert rest == ", ".join(f'{name}="{value}"' for name, value in found.items())
    return found


def ask(client: TestClient, *authorization: str, **query: str) -> tuple[int, dict[str, str]]:
    """Status of the answer, and the parameters of its challenge."""
    headers = [("Authorization", value) for value in authorization]
    response = client.get("/tasks", headers=headers, params=query)
    value = response.headers.get("WWW-Authenticate")
    return response.status_code, {} if value is None else parameters(value)


def good() -> str:
    """A token that is enough."""
    return ISSUER.token(scopes=["todo:read", "todo:write"])


def test_the_authorization_header_is_supported(client: TestClient) -> None:
    """§2.1: resource servers must."""
    assert ask(client, f"Bearer {good()}") == (200, {})


def test_the_body_is_not_read(client: TestClient) -> None:
    """§2.2: it should not be used; an API that did would have to read every form before it knows who sends it."""
    response = client.post("/tasks", data={"access_token": good()})
    assert response.status_code == 401


def test_the_query_is_not_read(client: TestClient) -> None:
    """§2.3: it should not be used, as it ends up in logs."""
    assert ask(client, access_token=good())[0] == 401


def test_one_method_for_each_request(client: TestClient) -> None:
    """§2, and §3.1 invalid_request."""
    status, challenge = ask(client, f"Bearer {good()}", access_token=good())
    assert (status, challenge["error"]) == (400, "invalid_request")
    status, challenge = ask(client, f"Bearer {good()}", f"Bearer {good()}")
    assert (status, challenge["error"]) == (400, "invalid_request")


def test_a_request_without_authentication_learns_the_scheme_alone(client: TestClient) -> None:
    """§3.1: no error code or other error information."""
    status, challenge = ask(client)
    assert status == 401
    assert set(challenge) == {"scope", "resource_metadata"}


@pytest.mark.parametrize(
    ("token", "status", "error"),
    [
        ("a b", 400, "invalid_request"),
        (ISSUER.token(lifetime=-10), 401, "invalid_token"),
        ("mF_9.B5f-4.1JqM", 401, "invalid_token"),
        (ISSUER.token(scopes=["todo:read"], lifetime=86_400), 403, "insufficient_scope"),
    ],
    ids=["malformed", "expired", "not a JWT", "too little"],
)
def test_each_error_has_its_status(client: TestClient, token: str, status: int, error: str) -> None:
    """§3.1."""
    answer, challenge = ask(client, f"Bearer {token}")
    assert (answer, challenge["error"]) == (status, error)
    assert DESCRIPTION.fullmatch(challenge["error_description"])


def test_insufficient_scope_names_what_it_takes(client: TestClient) -> None:
    """§3, §3.1: scope values separated by spaces, once."""
    _, challenge = ask(client, f"Bearer {ISSUER.token()}")
    assert SCOPE.fullmatch(challenge["scope"])
    assert challenge["scope"].split(" ") == ["todo:read", "todo:write"]


def test_a_resource_server_checks_for_whom_a_token_is(client: TestClient) -> None:
    """§5.2: a token for another resource must not be taken."""
    token = ISSUER.token(scopes=["todo:read", "todo:write"], aud="https://other.example")
    assert ask(client, f"Bearer {token}")[1]["error"] == "invalid_token"


def test_no_answer_repeats_the_token(client: TestClient) -> None:
    """§5.3: it must not leak, not even back to somebody who may not have sent it himself."""
    for token in (ISSUER.token(lifetime=-10), ISSUER.token(), good()[:-2]):
        response = client.get("/tasks", headers={"Authorization": f"Bearer {token}"})
        assert token not in response.text
        assert token not in str(response.headers)
