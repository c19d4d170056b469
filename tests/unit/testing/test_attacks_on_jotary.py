"""APIs on jotary's integrations: intact ones pass every attack, and each check taken out of jotary itself is named."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from jotary.integrations import fastapi, starlette
from jotary.testing import FrozenClock, TestIssuer, attack_api
from jotary.tokens import claims
from jotary.verifier import resource_server

Make = Callable[[TestIssuer], Any]


def on_fastapi(issuer: TestIssuer) -> FastAPI:
    """One route behind a dependency."""
    app = FastAPI()
    security = fastapi.JotarySecurity(issuer.verifier())
    security.install(app)

    @app.get("/tasks", dependencies=[Depends(security.require("todo:read"))])
    async def tasks() -> list[str]:
        return []

    return app


def on_starlette(issuer: TestIssuer) -> Starlette:
    """One endpoint behind a decorator."""
    security = starlette.JotarySecurity(issuer.verifier())

    @security.require("todo:read")
    async def tasks(_: object) -> JSONResponse:
        return JSONResponse([])

    return Starlette(routes=[Route("/tasks", tasks)])


def no_check(*_: object, **__: object) -> None:
    """Anything goes."""


def expires_at(said: dict[str, Any], **_: object) -> int:
    """Whenever the token says so, also in the past."""
    return int(said["iat"]) + 10**9


def text(name: str) -> Callable[[dict[str, Any], str], str]:
    """A claim that is not required."""
    require = claims.require_text
    return lambda said, wanted: "anything" if wanted == name else require(said, wanted)


def first_header(authorization: list[bytes], query: bytes) -> str | None:
    """One of several headers."""
    return bearer_token(authorization[:1], query)


bearer_token = resource_server.bearer_token

#: What stands at a name of jotary's instead, so that the check is gone.
MUTATIONS: dict[str, tuple[str, Any]] = {
    "signature": ("jotary.jose.jws.check_signature", no_check),
    "iss": ("jotary.tokens.claims.check_issuer", no_check),
    "aud": ("jotary.tokens.claims.check_audience", lambda *_: ("anything",)),
    "exp": ("jotary.tokens.claims.check_expiry", expires_at),
    "nbf": ("jotary.tokens.claims.check_not_before", no_check),
    "iat": ("jotary.tokens.claims.check_issued_at", lambda *_, **__: 0),
    "typ": ("jotary.verifier.check.check_type", no_check),
    "crit": ("jotary.jose.header._is_unencoded", lambda _: False),
    "duplicates": ("jotary.jose.strict_json.loads_object", lambda data, **_: json.loads(data)),
    "sub": ("jotary.tokens.claims.require_text", text("sub")),
    "client_id": ("jotary.tokens.claims.require_text", text("client_id")),
    "jti": ("jotary.tokens.claims.require_text", text("jti")),
    "one header": ("jotary.verifier.resource_server.bearer_token", first_header),
}


@pytest.fixture(params=[on_fastapi, on_starlette])
def make(request: pytest.FixtureRequest) -> Make:
    """An API on each integration."""
    made: Make = request.param
    return made


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_an_intact_api_passes(make: Make, algorithm: str) -> None:
    """Every attack, with every kind of key, at any time."""
    issuer = TestIssuer(algorithm=algorithm, clock=FrozenClock())
    report = attack_api(make(issuer), "/tasks", issuer=issuer, scopes=["todo:read"])
    assert report.is_clean, str(report)
    assert len(report.fired) > 90


@pytest.mark.parametrize("check", MUTATIONS)
def test_a_check_taken_out_of_jotary_is_named(make: Make, check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else that lets in is named."""
    issuer = TestIssuer()
    app = make(issuer)
    monkeypatch.setattr(*MUTATIONS[check])
    report = attack_api(app, "/tasks", issuer=issuer, scopes=["todo:read"])
    assert check in report.missing_checks, str(report)
    assert set(report.missing_checks) - IMPLIED.get(check, set()) == {check}, str(report)


#: Taking out a whole reader takes out all that it does.
IMPLIED = {"duplicates": {"nesting", "json"}}


def test_a_route_that_asks_for_no_scope_is_named() -> None:
    """Though the token is verified."""
    issuer = TestIssuer()
    app = FastAPI()
    security = fastapi.JotarySecurity(issuer.verifier())

    @app.get("/tasks", dependencies=[Depends(security.require())])
    async def tasks() -> None: ...

    assert attack_api(app, "/tasks", issuer=issuer, scopes=["todo:read"]).missing_checks == ("scope",)


def test_a_route_that_nobody_protects_is_named() -> None:
    """First of all by what refuses a request without a token."""
    issuer = TestIssuer()
    app = FastAPI()

    @app.get("/tasks")
    async def tasks() -> None: ...

    report = attack_api(app, "/tasks", issuer=issuer, scopes=["todo:read"])
    assert {"token", "signature"} <= set(report.missing_checks)
    assert {one.problem for one in report.findings} == {"accepted"}
    assert len(report.findings) == len(report.fired)
