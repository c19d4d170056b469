"""What the `auth=` for httpx and for httpx2 does alike, in blocking and in async clients, over real connections."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from jotary.integrations import httpx as for_httpx
from jotary.integrations import httpx2 as for_httpx2
from jotary.jose import Key, KeySet, jwt

if TYPE_CHECKING:
    from tests.contract.integrations.http_clients.conftest import World

LIFETIME = 300


def test_a_service_calls_an_api_as_itself(world: "World") -> None:
    """RFC 6749 §4.4.2, RFC 8707 §2, RFC 6750 §2.1; one token for many requests."""
    auth = world.auth(scopes=["todo:read"])
    assert [world.call(auth, f"{world.origin}/tasks").status_code for _ in range(3)] == [200, 200, 200]
    assert world.api.tokens == ["Bearer token-1"] * 3
    assert world.issuer.forms == [
        {"grant_type": ["client_credentials"], "scope": ["todo:read"], "resource": [world.origin]}
    ]
    assert world.issuer.authorizations == ["Basic cm9ib3Q6czNjcmV0"]


def test_a_service_may_prove_itself_with_a_key(world: "World") -> None:
    """RFC 7523 §2.2."""
    key = Key.generate("ES256", kid="k1")
    auth = world.auth(client_secret=None, key=key)
    assert world.call(auth, f"{world.origin}/tasks").status_code == 200
    (assertion,) = world.issuer.forms[0]["client_assertion"]
    claims = jwt.verify(assertion, KeySet([key]), algorithms={"ES256"}, typ="JWT").claims
    assert (claims["sub"], claims["aud"]) == ("robot", world.issuer.origin)


def test_many_requests_at_once_wait_for_one_token(world: "World") -> None:
    """At the start, and again when the token is due."""
    auth = world.auth()
    for expected in (1, 2):
        world.issuer.gate.clear()
        with ThreadPoolExecutor(1) as thread:
            answers = thread.submit(world.calls, auth, f"{world.origin}/tasks", 16)
            while len(world.issuer.forms) < expected:
                pass
            world.issuer.gate.set()
            assert {answer.status_code for answer in answers.result()} == {200}
        assert len(world.issuer.forms) == expected
        assert world.api.tokens[-16:] == [f"Bearer token-{expected}"] * 16
        world.clock.advance(LIFETIME - 60)  # a minute before its end


def test_a_refused_token_is_answered_once_with_another_one(world: "World") -> None:
    """RFC 6750 §3.1: it may have been revoked; the body is sent again."""
    auth = world.auth()
    world.call(auth, f"{world.origin}/tasks")
    world.clock.advance(40)
    world.api.refused = {"token-1"}
    assert world.call(auth, f"{world.origin}/tasks", method="POST", json={"a": 1}).status_code == 200
    assert world.api.tokens[1:] == ["Bearer token-1", "Bearer token-2"]
    assert world.api.bodies[1] == world.api.bodies[2] != b""


def test_an_api_that_refuses_everything_does_not_make_each_request_a_refresh(world: "World") -> None:
    """It is asked twice at most, and the issuer once in 30 seconds."""
    auth = world.auth()
    world.api.refused = {f"token-{number}" for number in range(1, 9)}
    assert world.call(auth, f"{world.origin}/tasks").status_code == 401
    assert len(world.issuer.forms) == 1
    world.clock.advance(40)
    assert [world.call(auth, f"{world.origin}/tasks").status_code for _ in range(3)] == [401, 401, 401]
    assert len(world.issuer.forms) == 2
    assert len(world.api.seen) == 1 + 2 + 1 + 1


def test_a_body_that_has_passed_is_not_sent_again(world: "World") -> None:
    """The API would get another request than the caller's."""
    auth = world.auth()
    world.call(auth, f"{world.origin}/tasks")
    world.clock.advance(40)
    world.api.refused = {"token-1"}

    async def chunks() -> Any:
        yield b"once"

    content: Any = chunks() if world.kind == "awaiting" else iter([b"once"])
    assert world.call(auth, f"{world.origin}/tasks", method="POST", content=content).status_code == 401
    assert world.api.bodies[1:] == [b"once"]


@pytest.mark.parametrize(
    "url",
    [
        "{elsewhere}/tasks",
        "http://localhost:{port}/tasks",
        "https://127.0.0.1:{port}/tasks",
        "http://127.0.0.1:{port}@127.0.0.1:{other}/tasks",
        "http://127.0.0.1:{port}\\@127.0.0.1:{other}/tasks",
        "//127.0.0.1:{other}/tasks",
    ],
)
def test_an_absolute_url_of_another_origin_gets_no_token(world: "World", url: str) -> None:
    """RFC 6750 §5.3: not even the issuer is asked; a host that only looks alike is another one."""
    port, other = world.origin.rpartition(":")[2], world.api.elsewhere.rpartition(":")[2]
    target = url.format(elsewhere=world.api.elsewhere, port=port, other=other)
    with pytest.raises((ValueError, world.library.InvalidURL, world.library.UnsupportedProtocol)):
        world.call(world.auth(), target)
    assert (world.issuer.forms, world.api.seen, world.attacker.seen) == ([], [], [])


def test_a_redirect_to_another_origin_carries_no_token(world: "World") -> None:
    """And an API is not asked again because somebody else says 401."""
    auth = world.auth()
    assert world.call(auth, f"{world.origin}/away").status_code == 200
    assert world.attacker.tokens == [None]
    world.clock.advance(40)
    world.attacker.refuses_all = True
    assert world.call(auth, f"{world.origin}/away").status_code == 401
    assert (world.attacker.tokens, len(world.issuer.forms)) == ([None, None], 1)


def test_a_redirect_within_the_origin_keeps_the_token(world: "World") -> None:
    """RFC 9110 §15.4."""
    assert world.call(world.auth(), f"{world.origin}/moved").status_code == 200
    assert world.api.tokens == ["Bearer token-1"]


def test_while_the_issuer_is_down_a_living_token_goes_on(world: "World") -> None:
    """And the issuer is left alone for five seconds; once the token has expired, the error is told."""
    auth = world.auth()
    world.call(auth, f"{world.origin}/tasks")
    world.issuer.status = 401
    world.clock.advance(LIFETIME - 60)
    assert [world.call(auth, f"{world.origin}/tasks").status_code for _ in range(3)] == [200, 200, 200]
    assert len(world.issuer.forms) == 2
    world.clock.advance(60)
    with pytest.raises(for_httpx.IssuerError, match="invalid_client"):
        world.call(auth, f"{world.origin}/tasks")
    assert world.api.tokens == ["Bearer token-1"] * 4
    world.issuer.status = 200
    assert world.call(auth, f"{world.origin}/tasks").status_code == 200


@pytest.mark.parametrize("proof", [{"client_secret": None}, {"key": Key.generate("ES256")}], ids=["none", "both"])
def test_a_service_has_one_way_to_prove_itself(proof: dict[str, Any]) -> None:
    """RFC 6749 §2.3: one method for each request."""
    given = {"client_secret": "s3cret", **proof}
    with pytest.raises(ValueError, match="client_secret or with a key"):
        for_httpx.ServiceAuth(issuer="https://id.example", client_id="robot", resource="https://a.example", **given)


@pytest.mark.parametrize("resource", ["todo-api", "http://todo.example.com", "https://ada@todo.example.com"])
def test_a_resource_that_does_not_say_where_it_is_needs_an_origin(resource: str) -> None:
    """A token is sent over TLS, to a place that is known (RFC 6750 §5.3)."""
    given: dict[str, Any] = {"issuer": "https://id.example", "client_id": "robot", "client_secret": "s3cret"}
    with pytest.raises(for_httpx.ProtocolError):
        for_httpx.ServiceAuth(resource=resource, **given)
    for_httpx.ServiceAuth(resource=resource, origin="https://todo.example.com", **given)


def test_no_auth_prints_its_secret() -> None:
    """It may stand in a log, or in a traceback with values."""
    auth = for_httpx.ServiceAuth(
        issuer="https://id.example", client_id="robot", client_secret="s3cret", resource="https://a.example"
    )
    assert "s3cret" not in repr(auth) + repr(vars(auth)) + repr(vars(vars(auth)["_source"]))


def test_who_is_signed_in_calls_with_httpx_too(world: "World") -> None:
    """`NativeApp.session` is a source of tokens; `NativeApp.auth` is the same for httpx2."""
    if world.library is httpx2:
        assert issubclass(for_httpx2.BearerAuth, httpx2.Auth)
        return
    assert issubclass(for_httpx.BearerAuth, httpx.Auth)
    tokens = world.auth()._source

    class Session:
        def __init__(self, found: Any) -> None:
            self.tokens = found

    async def session(*, refused: Any = None) -> Session:
        return Session(await tokens.fresh(refused=refused))

    auth = for_httpx.BearerAuth(session, origin=world.origin)
    world.call(auth, f"{world.origin}/tasks")
    world.clock.advance(40)
    world.api.refused = {"token-1"}
    assert world.call(auth, f"{world.origin}/tasks").status_code == 200
    assert world.api.tokens == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_who_gives_up_waiting_takes_the_token_from_nobody(world: "World") -> None:
    """A request that is cancelled must not fail the others that wait for the same answer."""
    auth = world.auth()
    world.issuer.gate.clear()

    async def both() -> int:
        async with world.library.AsyncClient(auth=auth, trust_env=False) as client:
            first, second = (asyncio.ensure_future(client.get(f"{world.origin}/tasks")) for _ in range(2))
            while not world.issuer.forms:  # noqa: ASYNC110 -- the issuer runs in another loop
                await asyncio.sleep(0.01)
            first.cancel()
            await asyncio.sleep(0)
            world.issuer.gate.set()
            status: int = (await second).status_code
            return status

    assert asyncio.run(both()) == 200
    assert len(world.issuer.forms) == 1
