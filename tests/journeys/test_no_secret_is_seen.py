"""Everything that the server lets be seen while the whole story is played, searched for every secret that was in it."""

import asyncio
import base64
import json
import os
import re
import socket
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from urllib.request import urlopen

import httpx2
import pytest

from jotary.cli.demonstration import stage as stage_module
from jotary.cli.demonstration.player import Player
from jotary.cli.demonstration.production import USER_API, Production, put_on
from jotary.cli.demonstration.story import play
from jotary.jose import strict_json
from jotary.server.keyring import make_sealer
from jotary.server.store import open_store

#: Names of form fields, query parameters, JSON members and cookies that hold secrets.
SECRET_NAMES = {
    *("password", "code", "code_verifier", "refresh_token", "access_token", "id_token", "id_token_hint", "token"),
    *("client_secret", "client_assertion", "csrf_token", "__Host-jotary", "__Host-jotary-form", "__Host-jotary-known"),
}
SHORTEST = 10  # characters that are searched for: a shorter text is anywhere by chance


class Receiver(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP."""

    received: list[bytes]

    def do_POST(self) -> None:
        """Keep it."""
        self.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the name that it overrides
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Where traces go, and what has come."""
    received: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Taking", (Receiver,), {"received": received}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def free_address() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def forms_of(secret: str) -> set[str]:
    """A secret and its halves as somebody might write them."""
    half = len(secret) // 2
    pieces = {secret, *({secret[:half], secret[half:]} if half >= 16 else ())}
    if secret.startswith("eyJ"):  # of a JWT, everything but the header, which all tokens share
        pieces = {secret, *secret.split(".")[1:], secret[half:]}
    found = set()
    for piece in pieces:
        data = piece.encode()
        found |= {piece, quote(piece, safe=""), data.hex()}
        found |= {encode(data).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode)}
    return {form for form in found if len(form) >= SHORTEST}


def seen(secrets: set[str], text: str) -> set[str]:
    """The secrets of which anything is in a text."""
    return {secret for secret in secrets if any(form in text for form in forms_of(secret))}


def secrets_in(exchange: dict[str, Any]) -> Iterator[str]:
    """What must not be seen of one request and its answer."""
    location = next((value for name, value in exchange["headers"] if name == "location"), "")
    pairs = [*parse_qsl(exchange["query"]), *parse_qsl(exchange["sent"]), *parse_qsl(urlsplit(location).query)]
    if exchange["answered"].startswith("{"):
        pairs += [(name, value) for name, value in json.loads(exchange["answered"]).items() if isinstance(value, str)]
    pairs += re.findall(r'name="(csrf_token)" value="([^"]+)"', exchange["answered"])
    for name, value in exchange["headers"] + exchange["sent_headers"]:
        if name in {"set-cookie", "cookie"}:
            pairs += [
                tuple(cookie.split(";")[0].strip().split("=", 1)) for cookie in value.split("; ") if "=" in cookie
            ]
        elif name == "authorization":
            yield value.partition(" ")[2]
    yield from (value for name, value in pairs if name in SECRET_NAMES and len(value) >= SHORTEST)


async def kept(production: Production) -> tuple[list[str], str]:
    """The private keys' secret members, and the audit trail."""
    store = await open_store(production.settings.database)
    try:
        sealer = make_sealer(production.settings)
        keys = [sealer.unseal(key.sealed_private_key, kid=key.id) for key in await store.signing_keys()]
        return [strict_json.loads_object(key)["d"] for key in keys], repr(await store.events(limit=1000))
    finally:
        await store.close()


def misbehave(player: Player) -> list[httpx2.Response]:
    """Secrets where they do not belong: what people and broken clients really send."""
    token, refresh = player.tokens.access_token, player.tokens.refresh_token
    issuer, secret = player.issuer, player.cast.robot_secret.reveal()
    get, post = player.http.get, player.http.post
    return [
        get(f"{issuer}/userinfo?access_token={token}"),
        get(f"{issuer}/{token}/{refresh}"),
        get(f"{issuer}/authorize?client_id=todo-native&client_secret={secret}&id_token_hint={token}"),
        get(f"{issuer}/authorize?client_id={secret}&redirect_uri=https://{refresh}.example/"),
        get(f"{issuer}/userinfo", headers={"Authorization": f"Basic {token}"}),
        get(f"{issuer}/sign-in?return_to=/authorize?code={refresh}"),
        post(f"{issuer}/token", data={"grant_type": refresh, "client_id": "todo-native"}),
        post(f"{issuer}/token", data={"grant_type": "refresh_token", "refresh_token": refresh, "client_id": token}),
        post(f"{issuer}/token", data={"scope": secret}, auth=("todo-robot", refresh)),
        post(f"{issuer}/token", content=token),
        post(f"{issuer}/introspect", data={"token": refresh}, auth=("todo-robot", secret)),
        player.http.request("TRACE", f"{issuer}/token", headers={"X-Token": token, "traceparent": f"00-{token}"}),
    ]


@pytest.mark.timeout(300)
def test_no_secret_of_the_story_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: tuple[str, list[bytes]], free_address: str
) -> None:
    """Logs for debugging, spans, figures, the audit trail and refusals hold nothing of what opens a door."""
    record, (endpoint, spans) = tmp_path / "record", collector
    start = stage_module.Stage.start

    def start_recorded(self: Any, name: str, application: str, **named: Any) -> None:
        start(self, name, "recorded_server:create" if name == USER_API else application, **named)

    monkeypatch.setattr(stage_module.Stage, "start", start_recorded)
    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    watched = {
        "RECORD": str(record),
        "JOTARY_LOG_LEVEL": "debug",
        "JOTARY_ACCESS_LOG": "true",
        "JOTARY_METRICS_LISTEN": free_address,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    log = tmp_path / f"{USER_API}.log"
    with stage_module.Stage(tmp_path) as stage:
        production = put_on(stage, tmp_path, access_token_lifetime=2, leeway=0, user_api=watched)
        with production.player() as player:
            failed = [name for name, report in play(player) if not report.is_as_expected]
            answers = misbehave(player)
            with urlopen(f"http://{free_address}/metrics") as response:
                figures = response.read().decode()
            logged = log.read_text()
            player.http.get(f"{player.issuer}/leak?{player.tokens.refresh_token}")
            leaked = player.tokens.refresh_token
    assert failed == []
    keys, trail = asyncio.run(kept(production))
    secrets = {
        *(secret for line in record.read_text().splitlines() for secret in secrets_in(json.loads(line))),
        *keys,
        production.web_secret,
        production.settings.secret.reveal(),
        production.cast.password.reveal(),
        production.cast.web_secret.reveal(),
        production.cast.robot_secret.reveal(),
    }
    refusals = "".join(f"{answer.headers}{answer.text}" for answer in answers if answer.status_code >= 400)
    exported = b"".join(spans).decode("latin-1")
    _check_that_there_was_something(secrets, logged, exported, figures, trail)
    for where in (logged, exported, figures, trail):
        assert seen(secrets, where) == set()
    own_forms = {secret for secret in secrets if f'name="csrf_token" value="{secret}"' in refusals}
    assert seen(secrets - own_forms, re.sub(r"'set-cookie': '[^']*'", "", refusals)) == set()
    # The negative control: what the leak printed, encoded as it is, is found.
    assert leaked in seen(secrets | {leaked}, log.read_text())


def _check_that_there_was_something(secrets: set[str], *places: str) -> None:
    """A search in nothing for nothing finds nothing."""
    expected: Sequence[str] = (
        "session.reuse_detected",
        "POST /token",
        "jotary_token_answers_total",
        "sign_in.accepted",
    )
    logged, exported, figures, trail = places
    assert len(secrets) > 40
    assert all(any(secret.startswith(prefix) for secret in secrets) for prefix in ("jrt_", "jac_", "jcs_", "eyJ"))
    assert expected[0] in trail
    assert expected[1] in exported
    assert "hash password" in exported
    assert "commit" in exported
    assert expected[2] in figures
    assert expected[3] in trail
    assert '"event":"request"' in logged
    assert '"event":"refused"' in logged
    assert '"trace_id":"' in logged
