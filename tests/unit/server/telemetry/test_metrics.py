"""The figures of a server that runs: each says what happened, and none of them whose."""

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret
from jotary.server import app as app_module
from jotary.server.app import Application, create_app
from jotary.server.flows.administration.create_client import NewClient, create_client
from jotary.server.model.request_notes import REFUSAL, ROUTE, STATUS
from jotary.server.model.signing_key import SigningKey
from jotary.server.settings import Settings
from jotary.server.settings.error import SettingsError
from jotary.server.store import open_store
from jotary.server.telemetry.metrics.catalogue import CATALOGUE, WORKER_UP
from jotary.server.telemetry.metrics.exposition import OPENMETRICS
from jotary.server.telemetry.metrics.instruments import MAX_REASONS, Instruments
from jotary.server.telemetry.metrics.readings import seconds_until_change, state_of
from jotary.server.telemetry.metrics.request_meter import RequestMeter

START = 1_800_000_000
OUTCOMES = ("accepted", "refused", "limited")
Figures = Callable[[], Coroutine[Any, Any, dict[tuple[str, frozenset[tuple[str, str]]], float]]]


def free_address() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"127.0.0.1:{probe.getsockname()[1]}"


def scrape(address: str, path: str = "/metrics", accept: str = OPENMETRICS) -> tuple[int, str]:
    """Status and text of an answer of the listener for figures."""
    connection = HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Each sample of a text by its name and labels."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]  # untyped there
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """The key of a sample."""
    return name, frozenset(labels.items())


@asynccontextmanager
async def served(tmp_path: Path, **changed: Any) -> AsyncIterator[tuple[Application, httpx2.AsyncClient, Figures]]:
    """A server with its figures shown, a client, and somebody who asks for the figures."""
    address = free_address()
    url = f"sqlite:///{tmp_path}/jotary.db"
    settings = Settings(secret=Secret("s" * 16 + "0123456789abcdef"), database=url, metrics_listen=address, **changed)
    app = create_app(settings, clock=lambda: START)
    door = httpx2.ASGITransport(app=app)
    async with app.running(), httpx2.AsyncClient(transport=door, base_url="http://127.0.0.1:8000") as client:

        async def figures() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
            return samples((await asyncio.to_thread(scrape, address))[1])

        yield app, client, figures


def test_sign_ins_are_shown_before_there_are_any(tmp_path: Path) -> None:
    """Where nobody has signed in yet, an alert that compares those that failed with those that did would be mute."""

    async def story() -> None:
        async with served(tmp_path) as (_, _, figures):
            shown = await figures()
        outcomes = {outcome: shown.get(of("jotary_sign_ins_total", outcome=outcome)) for outcome in OUTCOMES}
        assert outcomes == dict.fromkeys(OUTCOMES, 0.0)

    asyncio.run(story())


def test_what_happened_is_what_is_counted(tmp_path: Path) -> None:
    """A token, a wrong secret, an unknown path and a page that is fine: each at its endpoint, by its outcome."""

    async def journey() -> None:
        async with served(tmp_path) as (_, client, figures):
            store = await open_store(f"sqlite:///{tmp_path}/jotary.db")
            service = NewClient(id="robot", type="service", scopes=("todo:read",), audiences=("https://todo.example",))
            made = await create_client(service, store=store, audiences=(), entropy=lambda size: b"k" * size, now=START)
            await store.close()
            form = {"grant_type": "client_credentials", "resource": "https://todo.example"}
            secret = made.secret.reveal() if made.secret else ""
            for password in (secret, "wrong"):
                await client.post("/token", data=form, auth=("robot", password))
            await client.request("BREW", "/jrt_not-a-path")
            await client.post("/token", data={**form, "grant_type": "jrt_secret"}, auth=("robot", secret))
            found = await figures()
        requests = "jotary_http_request_duration_seconds_count"
        assert found[of(requests, endpoint="/token", method="POST", status="2xx")] == 1
        assert found[of(requests, endpoint="/token", method="POST", status="4xx")] == 2
        assert found[of(requests, endpoint="none", method="other", status="4xx")] == 1
        assert found[of("jotary_token_answers_total", grant="client_credentials", outcome="ok")] == 1
        assert found[of("jotary_token_answers_total", grant="client_credentials", outcome="invalid_client")] == 1
        assert found[of("jotary_token_answers_total", grant="other", outcome="unsupported_grant_type")] == 1
        assert found[of("jotary_audit_events_total", kind="client.authentication_failed")] == 1
        reason = "Client authentication failed."
        assert found[of("jotary_refusals_total", endpoint="/token", error="invalid_client", reason=reason)] == 1
        assert found[of("jotary_signing_keys", state="signing")] == 1
        assert found[of("jotary_signing_key_age_seconds")] == 0
        assert found[of("jotary_signing_key_next_change_seconds")] == 90 * 86_400
        assert found[of("jotary_database_commit_units_count")] == 1  # the failure; keys were made before
        assert not any("jrt_" in str(key) or "robot" in str(key) for key in found)

    asyncio.run(journey())


def test_a_row_of_a_key_that_somebody_wrote_is_counted_until_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert looks at it: whoever writes keys can write the audit trail, too (docs/decisions/0017)."""
    monkeypatch.setattr(app_module, "KEY_REFRESH_INTERVAL", 0.01)

    async def journey() -> None:
        async with served(tmp_path) as (_, _client, figures):

            async def until(count: int) -> None:
                """If it never happens, the test's time limit ends it."""
                while (await figures())[of("jotary_signing_keys_refused")] != count:  # noqa: ASYNC110 -- figures set no event
                    await asyncio.sleep(0.01)

            await until(0)
            with closing(sqlite3.connect(tmp_path / "jotary.db")) as connection, connection:
                connection.executescript(
                    "CREATE TEMP TABLE forged AS SELECT * FROM signing_keys; UPDATE forged SET id = 'forged';"
                    "INSERT INTO signing_keys SELECT * FROM forged;"
                )
            await until(1)
            assert (await figures())[of("jotary_signing_keys", state="signing")] == 1
            with closing(sqlite3.connect(tmp_path / "jotary.db")) as connection, connection:
                connection.execute("DELETE FROM signing_keys WHERE id = 'forged'")
            await until(0)

    asyncio.run(journey())


def test_the_catalogue_is_what_is_shown(tmp_path: Path) -> None:
    """Every metric of the documentation is there from the first moment, but for those of several workers."""

    async def journey() -> None:
        async with served(tmp_path) as (_, _client, _figures):
            _, text = await asyncio.to_thread(scrape, _address_of(_figures))
        shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE jotary_")}
        assert shown == {metric.name for metric in CATALOGUE} - {WORKER_UP.name}
        assert "process_resident_memory_bytes" in text
        assert "_created" not in text

    asyncio.run(journey())


def _address_of(figures: Figures) -> str:
    """Where the figures are asked for."""
    (cell,) = [cell.cell_contents for cell in figures.__closure__ or ()]
    return str(cell)


def test_the_public_address_shows_no_figures(tmp_path: Path) -> None:
    """docs/decisions/0014: they are behind a listener of their own, which shows nothing else."""

    async def journey() -> None:
        async with served(tmp_path) as (_, client, figures):
            assert (await client.get("/metrics")).status_code == 404
            for path in ("/", "/token", "/.well-known/jwks.json"):
                assert (await asyncio.to_thread(scrape, _address_of(figures), path))[0] == 404
            status, text = await asyncio.to_thread(scrape, _address_of(figures), "/metrics", "text/plain")
            assert (status, text.rstrip().endswith("# EOF")) == (200, False)

    asyncio.run(journey())


def test_without_the_setting_nothing_listens_and_nothing_is_watched(tmp_path: Path) -> None:
    """What is off is not there: the token endpoint and the driver are the bare ones."""

    async def journey() -> None:
        settings = Settings(secret=Secret("s" * 16 + "0123456789abcdef"), database=f"sqlite:///{tmp_path}/jotary.db")
        app = create_app(settings, clock=lambda: START)
        async with app.running():
            forwarded = app._routes._app  # type: ignore[union-attr]  # the middleware in front
            assert type(forwarded._app).__name__ == "Paths"

    asyncio.run(journey())


def test_an_address_that_is_taken_keeps_the_server_from_starting(tmp_path: Path) -> None:
    """Said at the start, in one line: figures that nobody can read are noticed in the night they are needed."""

    async def journey() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            settings = Settings(secret=Secret("0123456789abcdef" * 2), metrics_listen=address)
            with pytest.raises(
                SettingsError, match=f"metrics_listen: cannot listen on {address}: Address already in use$"
            ):
                async with create_app(settings).running():
                    pass

    asyncio.run(journey())


def test_a_hash_that_waits_and_one_that_is_turned_away(tmp_path: Path) -> None:
    """Sign-ins by outcome, and how long a password took; over the limit, which one it was."""

    async def journey() -> None:
        async with served(tmp_path, sign_in_attempts=3) as (app, _, figures):
            parts = _parts_of(app)
            for _ in range(4):
                await parts.login(
                    "ada@example.com", {"password": Secret("wrong")}, cookie=None, address=None, now=START
                )
            found = await figures()
        assert found[of("jotary_sign_ins_total", outcome="refused")] == 3
        assert found[of("jotary_sign_ins_total", outcome="limited")] == 1
        assert found[of("jotary_limits_tripped_total", limit="sign_in")] == 1
        assert found[of("jotary_password_hash_duration_seconds_count")] == 3
        assert found[of("jotary_password_hash_wait_seconds_count")] == 3
        assert found[of("jotary_password_hash_queue")] == 0

    asyncio.run(journey())


def _parts_of(app: Application) -> Any:
    """The parts of a running server."""
    forwarded = app._routes._app  # type: ignore[union-attr]  # the middleware in front
    endpoint, _ = forwarded._app._endpoints["/sign-in"]
    return endpoint._handlers["POST"].__self__.parts


def test_labels_stay_few_whatever_is_sent() -> None:
    """Methods are any text, and a fixed text that is none would otherwise grow without end."""
    instruments = Instruments()
    meter = RequestMeter(instruments)
    for number in range(MAX_REASONS + 50):
        refusal = OAuthError("invalid_request", f"Text {number}")
        meter({"method": f"M{number}", ROUTE: "/token", STATUS: 400, REFUSAL: refusal}, 0.001)
    families = {family.name: family.samples for family in instruments.registry.collect()}
    reasons = {sample.labels["reason"] for sample in families["jotary_refusals"]}
    assert len(reasons) == MAX_REASONS + 1
    assert {s.labels["method"] for s in families["jotary_http_request_duration_seconds"]} == {"other"}


@pytest.mark.parametrize(
    ("now", "state", "until"),
    [(99, "announced", 1), (100, "signing", 100), (200, "retiring", 100), (300, "gone", None)],
)
def test_a_key_is_shown_in_the_state_that_it_is_in(now: int, state: str, until: int | None) -> None:
    """Design §6.2: announced, signing, retiring, gone; and the seconds until the next one."""
    key = SigningKey(
        id="k",
        algorithm="ES256",
        public_jwk={},
        sealed_private_key=b"",
        announced_at=0,
        signing_from=100,
        retiring_from=200,
        gone_from=300,
    )
    assert (state_of(key, now), seconds_until_change([key], now)) == (state, until)
