"""The ToDo API: whose tasks, by whose word, and what it says to everything else."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jotary.jose import Key, base64url, strict_json
from jotary.testing import TestIssuer
from todo.api.app import create_app
from todo.api.tasks import Tasks

READ, WRITE = ("todo:read",), ("todo:write",)
BOTH = READ + WRITE


class API:
    """The app in memory, with an issuer that it trusts."""

    def __init__(self, folder: Path) -> None:
        self.issuer = TestIssuer(audience="https://todo.example")
        self.app = create_app(self.issuer.verifier(), Tasks(folder / "todo.db"))

    def call(self, method: str, path: str, token: str | None, **more: Any) -> httpx2.Response:
        """One request."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return asyncio.run(self._call(method, path, {**headers, **more.pop("headers", {})}, more))

    async def _call(self, method: str, path: str, headers: dict[str, str], more: dict[str, Any]) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://todo.example") as client:
            return await client.request(method, path, headers=headers, **more)

    def add(self, title: str, token: str) -> int:
        """Add a task, and return its id."""
        response = self.call("POST", "/tasks", token, json={"title": title})
        assert response.status_code == 201, response.text
        added: int = response.json()["id"]
        return added


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> API:
    """One app for the file; every test has people of its own."""
    return API(tmp_path_factory.mktemp("todo"))


def test_a_task_is_added_read_changed_and_removed(api: API) -> None:
    """The whole life of a task."""
    token = api.issuer.token("life", scopes=BOTH)
    added = api.call("POST", "/tasks", token, json={"title": "  Tea  "})
    assert (added.status_code, added.json()["title"], added.json()["done"]) == (201, "Tea", False)
    place = added.headers["Location"]
    assert api.call("GET", place, token).json() == added.json()
    assert api.call("PATCH", place, token, json={"done": True}).json()["done"] is True
    assert api.call("PATCH", place, token, json={"title": "Coffee"}).json() == {
        "id": added.json()["id"],
        "title": "Coffee",
        "done": True,
    }
    assert api.call("DELETE", place, token).status_code == 204
    assert api.call("GET", place, token).status_code == 404


def test_its_root_leads_to_its_documentation(api: API) -> None:
    """For who opens its address in a browser; it is no operation of the API."""
    answer = api.call("GET", "/", None)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/docs")
    assert api.call("GET", "/docs", None).status_code == 200
    assert "/" not in api.call("GET", "/openapi.json", None).json()["paths"]


def test_its_documentation_loads_nothing_from_elsewhere(api: API) -> None:
    """Who reads it offline sees it, and nobody else learns who reads it."""
    page = api.call("GET", "/docs", None).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) == 3
    for source in sources:
        assert source.startswith("/")
        assert api.call("GET", source, None).status_code == 200
    assert api.call("GET", "/redoc", None).status_code == 404  # FastAPI's other page, which loads from elsewhere, too


def test_other_peoples_tasks_are_not_there(api: API) -> None:
    """404 and not 403: that a task exists is its owner's business. Nothing is changed by the attempt."""
    owner, stranger = (api.issuer.token(sub, scopes=BOTH) for sub in ("owner", "stranger"))
    place = f"/tasks/{api.add('Private', owner)}"
    attempts = [("GET", None), ("PATCH", {"title": "Mine now"}), ("DELETE", None)]
    for method, body in attempts:
        response = api.call(method, place, stranger, json=body)
        assert (response.status_code, response.json()["title"]) == (404, "Not Found")
        assert response.headers["Content-Type"] == "application/problem+json"
    assert api.call("GET", "/tasks", stranger).json()["items"] == []
    assert api.call("GET", place, owner).json()["title"] == "Private"


@pytest.mark.parametrize(
    ("method", "path", "needed", "has"),
    [
        ("GET", "/tasks", "todo:read", WRITE),
        ("GET", "/tasks/1", "todo:read", WRITE),
        ("POST", "/tasks", "todo:write", READ),
        ("PATCH", "/tasks/1", "todo:write", READ),
        ("DELETE", "/tasks/1", "todo:write", READ),
    ],
)
def test_each_route_asks_for_its_scope(api: API, method: str, path: str, needed: str, has: tuple[str, ...]) -> None:
    """RFC 6750 §3.1: 403 insufficient_scope, and the scope that is missing."""
    response = api.call(method, path, api.issuer.token(scopes=has), json={"title": "x"})
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert f'scope="{needed}"' in response.headers["WWW-Authenticate"]
    assert api.call(method, path, None, json={"title": "x"}).status_code == 401


def test_pages_hold_every_task_once(api: API) -> None:
    """Newest first; the cursor goes on where the page ended, and ends."""
    token = api.issuer.token("pages", scopes=BOTH)
    added = [api.add(f"Task {number}", token) for number in range(7)]
    seen: list[int] = []
    cursor = None
    for _ in range(4):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = api.call("GET", "/tasks", token, params=query).json()
        seen += [task["id"] for task in page["items"]]
        cursor = page["next_cursor"]
        assert page["open"] == 7
    assert cursor is None
    assert seen == added[::-1]


def test_the_filter_splits_open_and_done(api: API) -> None:
    """`done` chooses."""
    token = api.issuer.token("filter", scopes=BOTH)
    first, second = api.add("one", token), api.add("two", token)
    api.call("PATCH", f"/tasks/{first}", token, json={"done": True})
    for done, expected in (("true", first), ("false", second)):
        page = api.call("GET", "/tasks", token, params={"done": done}).json()
        assert [task["id"] for task in page["items"]] == [expected]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/tasks", b'{"title": ""}'),
        ("POST", "/tasks", b'{"title": "   "}'),
        ("POST", "/tasks", b'{"title": 7}'),
        ("POST", "/tasks", b'{"title": "' + b"x" * 201 + b'"}'),
        ("POST", "/tasks", b'{"title": "x", "owner": "somebody"}'),
        ("POST", "/tasks", b"{}"),
        ("POST", "/tasks", b"not json"),
        ("POST", "/tasks", b"[" * 100_000),
        ("PATCH", "/tasks/1", b'{"id": 2}'),
        ("PATCH", "/tasks/0", b"{}"),
        ("PATCH", f"/tasks/{2**63}", b"{}"),
        ("GET", "/tasks?limit=0", b""),
        ("GET", "/tasks?limit=101", b""),
        ("GET", "/tasks?cursor=x", b""),
        ("GET", "/tasks?done=perhaps", b""),
    ],
)
def test_bad_input_is_a_problem(api: API, method: str, path: str, body: bytes) -> None:
    """RFC 9457: 422 (or 400 for what is no JSON), named, and nothing is written."""
    token = api.issuer.token("bad", scopes=BOTH)
    response = api.call(method, path, token, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    assert api.call("GET", "/tasks", token).json()["items"] == []


VALUES: list[Any] = [None, "", "x", 0, -1, 7, 2**62, 1.5, True, [], ["x"], {}, {"x": 1}]


def refused(api: API, token: str) -> None:
    """401, never 500, with a challenge."""
    response = api.call("GET", "/tasks", token)
    assert response.status_code == 401, (response.status_code, response.text)
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert token not in response.text


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "nbf", "sub", "client_id", "jti", "scope", "sid"])
def test_every_claim_of_every_wrong_type_is_refused(api: API, claim: str, value: Any) -> None:
    """RFC 9068 §4: signed by the right key, and wrong all the same."""
    fine: dict[str, Callable[[Any], bool]] = {
        "exp": lambda value: value == 2**62,  # beyond what is exact: refused
        "iat": lambda value: value is not True and isinstance(value, int | float) and 0 <= value < 2**53,
        "nbf": lambda value: value is not True and isinstance(value, int | float) and 0 <= value < 2**53,
        **dict.fromkeys(("sub", "client_id", "jti", "sid"), lambda value: value == "x"),
    }
    token = api.issuer.token(scopes=READ, **{claim: value})
    if claim == "scope" and value in ("", "x"):
        assert api.call("GET", "/tasks", token).status_code == 403
    elif claim != "exp" and fine.get(claim, lambda _: False)(value):
        assert api.call("GET", "/tasks", token).status_code == 200
    else:
        refused(api, token)


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "iat", "sub", "client_id", "jti"])
def test_every_required_claim_is_required(api: API, claim: str) -> None:
    """RFC 9068 §2.2."""
    refused(api, api.issuer.token(scopes=READ, without=[claim]))


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("member", ["alg", "kid", "typ", "crit", "b64"])
def test_every_header_member_of_every_wrong_type_is_refused(api: API, member: str, value: Any) -> None:
    """RFC 7515 §4: the signature is good for the bytes, and the header is not."""
    header, payload, _ = api.issuer.token(scopes=READ).split(".")
    members = {**strict_json.loads_object(base64url.decode(header)), member: value}
    if member == "b64" and value is True:
        return  # says what is so anyway (RFC 7797 §3)
    refused(api, signed_as_it_is(api.issuer.signing_key, strict_json.dumps(members), payload))


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_token_that_brings_its_own_key_is_refused(api: API, member: str) -> None:
    """RFC 8725 §3.10: keys come from the issuer alone."""
    own = Key.generate("ES256")
    value = own.to_jwk() if member == "jwk" else ["x"] if member == "x5c" else "https://evil.example/keys"
    refused(api, api.issuer.token(scopes=READ, key=own, header={member: value}))
    refused(api, api.issuer.token(scopes=READ, key=own, header={member: value, "kid": api.issuer.signing_key.kid}))


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "hs256", "RS256", "ES512", "EdDSA", "ES256K", "dir"])
def test_another_algorithm_is_refused(api: API, algorithm: str) -> None:
    """RFC 8725 §3.1: the key says which algorithm, not the token."""
    header, payload, signature = api.issuer.token(scopes=READ).split(".")
    members = strict_json.dumps({**strict_json.loads_object(base64url.decode(header)), "alg": algorithm})
    for part in ("", signature):
        refused(
            api, f"{base64url.encode(members)}.{payload}.{part}" if part else f"{base64url.encode(members)}.{payload}.a"
        )


def test_the_id_token_is_refused(api: API) -> None:
    """RFC 8725 §3.11: an ID token is no access token."""
    refused(api, api.issuer.id_token(aud="https://todo.example"))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(min_value=0), change=st.integers(min_value=1, max_value=127))
def test_any_changed_byte_is_refused(api: API, position: int, change: int) -> None:
    """One byte, anywhere in the token. Only what an HTTP header can carry gets as far as the API."""
    token = bytearray(api.issuer.token("mutation", scopes=READ).encode())
    at = position % len(token)
    token[at] = (token[at] + change) % 128
    changed = token.decode("ascii")
    headers = {"Authorization": f"Bearer {changed}"}
    if any(character in "\0\r\n" for character in changed):
        return
    response = api.call("GET", "/tasks", None, headers=headers)
    assert response.status_code in {400, 401}  # 400 where it is no token at all (RFC 6750 §3.1)


def signed_as_it_is(key: Key, header: bytes, payload: str) -> str:
    """A token over exactly these header bytes, with a good signature."""
    signing_input = f"{base64url.encode(header)}.{payload}".encode()
    return f"{signing_input.decode()}.{base64url.encode(key.signer('ES256')(signing_input))}"
