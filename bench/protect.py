"""CPU time of a request to a route, open and protected, on Starlette and on FastAPI; and what protecting it adds.

Requests go through the whole application in memory, with no socket and no HTTP parser. What protecting adds is beyond
a route without it: on Starlette the open one, on FastAPI the one behind FastAPI's own bare `HTTPBearer`, which reads
the header and checks nothing. Every request brings its token, to every route.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import jwt as pyjwt
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from bench.access_token import AUDIENCE, ISSUER, SCOPE, tokens
from bench.measurement import JOTARY, Comparison, Effort, Target, take_turns
from bench.verify import LIMIT, bare_verifier
from jotary import TokenVerifier
from jotary.integrations import fastapi, starlette
from jotary.jose import Key, KeySet

_BATCH = 64  # requests for each entry into the event loop, which belongs to no request
_OPEN = "open"
_BARE = "HTTPBearer, bare"
_BY_SECURITY = "jotary, by Security(scopes=…)"
_BY_DEPENDS = "jotary, by Depends(…)"


@dataclass(frozen=True)
class Tokens:
    """Tokens, the key that signed them, and a memory that holds all of them or none when its turn comes again."""

    key: Key
    number: int
    cache_size: int

    def verifier(self) -> TokenVerifier:
        """Return jotary's verifier."""
        keys = KeySet([self.key.public()])
        return TokenVerifier.offline(issuer=ISSUER, audience=AUDIENCE, keys=keys, cache_size=self.cache_size)


def measure(effort: Effort) -> Iterator[Comparison]:
    """Both frameworks, a token seen before and one never seen."""
    key = Key.generate("ES256")
    seen, new = Tokens(key, 1, 1), Tokens(key, 2 * _BATCH, _BATCH)
    with asyncio.Runner() as runner:
        for name, applications, bounds in (("Starlette", on_starlette, (10, 85)), ("FastAPI", on_fastapi, (15, 90))):
            for which, of, bound in zip(("seen before", "new"), (seen, new), bounds, strict=True):
                parties = {party: _driver(runner, app, of) for party, app in applications(of).items()}
                whole = take_turns(parties, effort, units=_BATCH)
                yield Comparison(f"a request to a {name} route, token {which}", "µs", whole, _OPEN)
                added = _added(whole)
                if of is new:
                    added = {
                        LIMIT: take_turns({LIMIT: bare_verifier(key, tokens(key, new.number))}, effort)[LIMIT],
                        **added,
                    }
                against = LIMIT if of is new else "PyJWT"
                work = f"protect a {name} route, token {which}: added"
                yield Comparison(work, "µs", added, against, Target(bound, "figure"))


def _added(whole: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """What each adds to the unprotected one in the same round."""
    unprotected = whole.get(_BARE, whole[_OPEN])
    return {
        party: [each - without for each, without in zip(theirs, unprotected, strict=True)]
        for party, theirs in whole.items()
        if party not in {_OPEN, _BARE}
    }


def _driver(runner: asyncio.Runner, app: ASGIApp, of: Tokens) -> Callable[[], None]:
    """A batch of requests, one after the other. A refused one would be no measurement, so it ends the run."""
    scopes = itertools.cycle([_scope(token) for token in tokens(of.key, of.number)])

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"status {message['status']}")

    async def batch() -> None:
        for _ in range(_BATCH):
            await app({**next(scopes)}, receive, send)

    return lambda: runner.run(batch())


def _scope(token: str) -> Scope:
    """What an ASGI server makes of a GET request."""
    headers = [(b"host", b"todo.example.com"), (b"accept", b"*/*"), (b"authorization", f"Bearer {token}".encode())]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/tasks",
        "raw_path": b"/tasks",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 443),
        "state": {},
    }


def on_starlette(of: Tokens) -> dict[str, ASGIApp]:
    """The same route, open and protected in two ways."""
    security = starlette.JotarySecurity(of.verifier())
    claims_of = _pyjwt(of.key)

    async def tasks(_: Request) -> Response:
        return PlainTextResponse("a task")

    async def checked_by_pyjwt(request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or SCOPE not in claims_of(token)["scope"].split():
            return Response(status_code=401)
        return await tasks(request)

    endpoints = {_OPEN: tasks, JOTARY: security.require(SCOPE)(tasks), "PyJWT": checked_by_pyjwt}
    return {party: Starlette(routes=[Route("/tasks", endpoint)]) for party, endpoint in endpoints.items()}


def on_fastapi(of: Tokens) -> dict[str, ASGIApp]:
    """The same route: open, behind a bare `HTTPBearer`, as the README protects it, in other words, and by PyJWT."""
    security = fastapi.JotarySecurity(of.verifier())
    require = security.require(SCOPE)
    bearer = HTTPBearer()
    claims_of = _pyjwt(of.key)

    def checked(credentials: HTTPAuthorizationCredentials) -> dict[str, Any]:
        try:
            claims = claims_of(credentials.credentials)
        except pyjwt.InvalidTokenError as error:
            raise HTTPException(401) from error
        if SCOPE not in claims["scope"].split():
            raise HTTPException(403)
        return claims

    async def claims(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
        return checked(credentials)

    async def unprotected() -> Response:
        return PlainTextResponse("a task")

    def behind(declared: Any) -> Callable[..., Any]:
        async def protected(_: Annotated[Any, declared]) -> Response:
            return PlainTextResponse("a task")

        return protected

    endpoints: dict[str, Callable[..., Any]] = {
        _OPEN: unprotected,
        _BARE: behind(Depends(bearer)),
        JOTARY: behind(require),
        _BY_SECURITY: behind(Security(security, scopes=[SCOPE])),
        _BY_DEPENDS: behind(Depends(require)),
        "PyJWT": behind(Depends(claims)),
    }
    return {party: _fastapi(endpoint) for party, endpoint in endpoints.items()}


def _fastapi(endpoint: Callable[..., Any]) -> FastAPI:
    app = FastAPI()
    app.add_api_route("/tasks", endpoint, methods=["GET"])
    return app


def _pyjwt(key: Key) -> Callable[[str], dict[str, Any]]:
    public = pyjwt.PyJWK(key.public().to_jwk(), "ES256")

    def claims_of(token: str) -> dict[str, Any]:
        return pyjwt.decode(token, public, ["ES256"], audience=AUDIENCE, issuer=ISSUER)

    return claims_of
