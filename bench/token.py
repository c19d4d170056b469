"""Where the time of a client credentials token goes: its pieces one by one, and the whole application in memory.

CPU time of this process, without HTTP: what uvicorn and the kernel add is in `serve`. The limit is what no server can
leave out: one look-up by primary key, and one signature.
"""

import asyncio
import base64
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from bench.access_token import AUDIENCE, SCOPE
from bench.load.contenders import furnish
from bench.measurement import JOTARY, Comparison, Effort, compare
from jotary.jose import Key, jws
from jotary.oauth.client_authentication import parse_client_authentication
from jotary.oauth.parameters import parse_form
from jotary.oauth.secret import Secret
from jotary.server.app import Application, create_app
from jotary.server.flows import endpoints
from jotary.server.flows.grants import client_credentials
from jotary.server.model.client import Client
from jotary.server.settings import Settings
from jotary.server.store import queries
from jotary.server.store.rows import CLIENTS
from jotary.server.store.sqlite.file import connect
from jotary.server.web.json_face import json_response

LIMIT = "sqlite3 and cryptography, bare"
_FORM = f"grant_type=client_credentials&scope={quote(SCOPE)}&resource={quote(AUDIENCE, safe='')}".encode()
_AT_ONCE = 32


def measure(effort: Effort) -> Iterator[Comparison]:
    """The whole, then its pieces."""
    client_secret = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        url = f"sqlite:///{folder}/jotary.db"
        runner.run(furnish(url, client_secret, []))
        application = create_app(
            Settings(issuer="http://127.0.0.1:8000", secret=Secret(secrets.token_urlsafe(32)), database=url)
        )
        running = application.running()
        runner.run(running.__aenter__())
        bare = connect(f"{folder}/jotary.db", busy_timeout=5)
        whole = _whole(runner, application, _authorization(client_secret))
        yield compare("client credentials, in memory", {LIMIT: _limit(bare), JOTARY: whole}, effort, units=_AT_ONCE)
        yield compare(
            "client credentials, piece by piece", {JOTARY: whole, **_pieces(client_secret)}, effort, units=_AT_ONCE
        )
        bare.close()
        runner.run(running.__aexit__(None, None, None))


def _authorization(client_secret: str) -> str:
    return f"Basic {base64.b64encode(f'service:{client_secret}'.encode()).decode()}"


def _limit(bare: sqlite3.Connection) -> Callable[[], object]:
    statement = str(queries.CLIENT.sql).replace(":id", "?")
    sign, message = Key.generate("ES256").signer("ES256"), b"." * 400

    def one() -> None:
        bare.execute(statement, ("service",)).fetchall()
        sign(message)

    return _repeated(one)


def _whole(runner: asyncio.Runner, application: Application, authorization: str) -> Callable[[], object]:
    headers = [
        (b"host", b"127.0.0.1"),
        (b"accept", b"*/*"),
        (b"authorization", authorization.encode()),
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"content-length", str(len(_FORM)).encode()),
    ]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": _FORM}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200

    async def all_of_them() -> None:
        for _ in range(_AT_ONCE):
            scope = {
                "type": "http",
                "method": "POST",
                "path": endpoints.TOKEN,
                "root_path": "",
                "query_string": b"",
                "headers": headers,
                "client": ("127.0.0.1", 1),
            }
            await application(scope, receive, send)

    return lambda: runner.run(all_of_them())


def _pieces(client_secret: str) -> dict[str, Callable[[], object]]:
    form, authorization, key = parse_form(_FORM), _authorization(client_secret), Key.generate("ES256")
    client = Client(
        id="service",
        name="service",
        type="service",
        token_endpoint_auth_method="client_secret_basic",
        secret_sha256=Secret(client_secret).sha256(),
        grant_types=("client_credentials",),
        scopes=(SCOPE,),
        audiences=(AUDIENCE,),
        created_at=0,
    )
    row = [CLIENTS.values(client)[name] for name in CLIENTS.names]
    asked = client_credentials.Request(client=client, scopes=(SCOPE,), resources=(AUDIENCE,))
    answer = {"access_token": "." * 500, "token_type": "Bearer", "expires_in": 300, "scope": SCOPE}
    header, payload = b"." * 100, b"." * 250
    secret = Secret(client_secret)
    return {
        "reading the form": _repeated(lambda: parse_form(_FORM)),
        "reading the Authorization header": _repeated(lambda: parse_client_authentication(authorization, form)),
        "checking the secret": _repeated(lambda: secret.matches_sha256(client.secret_sha256 or b"")),
        "the client's record from its row": _repeated(lambda: CLIENTS.record(row)),
        "deciding": _repeated(lambda: client_credentials.decide(asked, issuer="http://127.0.0.1:8000")),
        "signing": _repeated(lambda: jws.sign_with(payload, key, "ES256", header)),
        "the response": _repeated(lambda: json_response(answer)),
    }


def _repeated(piece: Callable[[], object]) -> Callable[[], object]:
    def all_of_them() -> None:
        for _ in range(_AT_ONCE):
            piece()

    return all_of_them
