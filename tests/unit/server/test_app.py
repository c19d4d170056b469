"""The composition root: one real server in memory, from its start to its end."""

import asyncio
import contextlib
import logging
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message

from jotary.jose import KeySet, jwt
from jotary.oauth.secret import Secret
from jotary.server import app as app_module
from jotary.server.app import Application, create_app, from_environment, prepare
from jotary.server.flows.administration.create_client import NewClient, create_client
from jotary.server.keyring import make_rotation
from jotary.server.ports import Unavailable
from jotary.server.settings import Settings
from jotary.server.store import open_store
from jotary.server.telemetry.periodic import periodically

Seen = TypeVar("Seen")

START = 1_800_000_000
SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A server on a fresh SQLite file."""
    return Settings(secret=Secret(SECRET), database=f"sqlite:///{tmp_path}/jotary.db")


def make(settings: Settings, **changed: Any) -> Application:
    """The application, with a clock that stands still."""
    values = {field: getattr(settings, field) for field in settings.__struct_fields__}
    return create_app(Settings(**{**values, **changed}), clock=lambda: START)


def browse(app: Any) -> httpx2.AsyncClient:
    """A client at the application's door."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1:8000")


@contextlib.asynccontextmanager
async def served(app: Application) -> AsyncIterator[httpx2.AsyncClient]:
    """The application running, and a client."""
    async with app.running(), browse(app) as client:
        yield client


async def published_keys(client: httpx2.AsyncClient) -> list[str]:
    """The kids of the published keys."""
    return [key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]]


async def until(look: Callable[[], Awaitable[Seen]], is_so: Callable[[Seen], bool]) -> None:
    """Look again and again until something is so; if it never is, the test's time limit ends it."""
    while not is_so(await look()):  # noqa: ASYNC110 -- what is looked at is a database and a server, which set no event
        await asyncio.sleep(0.01)


def test_every_part_is_where_the_metadata_say(settings: Settings) -> None:
    """RFC 8414 §2: discovery names the endpoints, and each of them answers as itself."""

    async def journey() -> None:
        async with served(make(settings)) as client:
            metadata = (await client.get("/.well-known/openid-configuration")).json()
            assert metadata["issuer"] == settings.issuer
            statuses = {
                name: (await client.request("POST" if name in posted else "GET", url)).status_code
                for name, url in metadata.items()
                if name.endswith(("_endpoint", "_uri"))
            }
            assert statuses == {
                "authorization_endpoint": 400,
                "token_endpoint": 401,
                "jwks_uri": 200,
                "userinfo_endpoint": 401,
                "revocation_endpoint": 401,
                "introspection_endpoint": 401,
                "end_session_endpoint": 200,
            }

    posted = {"token_endpoint", "revocation_endpoint", "introspection_endpoint"}
    asyncio.run(journey())


def test_a_token_is_issued_verified_introspected_and_revoked(settings: Settings) -> None:
    """The token side works together: keys, store and flows are the same ones everywhere."""

    async def journey() -> None:
        store = await open_store(settings.database)
        wish = NewClient(id="svc", type="service", audiences=("https://todo.example.com",))
        registered = await create_client(wish, store=store, audiences=(), entropy=app_module.system_entropy, now=START)
        await store.close()
        assert registered.secret is not None
        auth = ("svc", registered.secret.reveal())
        async with served(make(settings)) as client:
            answer = await client.post("/token", data={"grant_type": "client_credentials"}, auth=auth)
            token = answer.json()["access_token"]
            keys = KeySet.from_jwks((await client.get("/.well-known/jwks.json")).json())
            claims = jwt.verify(token, keys, algorithms={"ES256"}, typ="at+jwt").claims
            assert (claims["iss"], claims["aud"], claims["iat"]) == (settings.issuer, "https://todo.example.com", START)
            assert (await client.post("/introspect", data={"token": token}, auth=auth)).json()["active"] is True
            assert (await client.post("/revoke", data={"token": token}, auth=auth)).status_code == 200
            assert (await client.post("/introspect", data={"token": token}, auth=auth)).json() == {"active": False}

    asyncio.run(journey())


def test_a_restart_and_a_second_process_sign_with_the_same_key(settings: Settings) -> None:
    """Design §6.7: nothing that another process needs is kept in memory."""

    async def journey() -> None:
        async with served(make(settings)) as first:
            kids = await published_keys(first)
            async with served(make(settings)) as second:
                assert await published_keys(second) == kids
        async with served(make(settings)) as restarted:
            assert await published_keys(restarted) == kids

    asyncio.run(journey())


def test_nothing_is_left_open_behind_it(settings: Settings) -> None:
    """SQLite folds its log into the file when the last connection to it is closed."""
    log = Path(f"{settings.database.removeprefix('sqlite:///')}-wal")

    async def journey() -> bool:
        async with served(make(settings)) as client:
            return (await client.get("/ready")).is_success and log.exists()  # noqa: ASYNC240 -- nothing else runs here

    assert asyncio.run(journey())
    assert not log.exists()


def test_a_request_id_is_in_every_answer(settings: Settings) -> None:
    """And a new one in each."""

    async def journey() -> None:
        async with served(make(settings)) as client:
            names = {(await client.get(path)).headers["x-request-id"] for path in ("/health", "/ready", "/none")}
            assert len(names) == 3

    asyncio.run(journey())


def test_ready_says_whether_the_database_answers_and_health_whether_the_process_does(settings: Settings) -> None:
    """Restarting a process helps nobody while the database is away."""

    async def journey() -> None:
        async with served(make(settings)) as client:
            assert (await client.get("/ready")).json() == {"status": "ready"}
            with contextlib.closing(sqlite3.connect(settings.database.removeprefix("sqlite:///"))) as database:
                database.execute("ALTER TABLE revocations RENAME TO elsewhere")
            away = await client.get("/ready")
            assert (away.status_code, away.headers["retry-after"]) == (503, "1")
            assert (await client.get("/health")).json() == {"status": "ok"}

    asyncio.run(journey())


def test_who_waits_for_news_is_sent_away_when_the_server_begins_to_stop(settings: Settings) -> None:
    """Else a deployment would wait for every follower of the feed; 503 sends it to another process."""

    async def journey() -> None:
        app = make(settings)
        async with served(app) as client:
            waiting = asyncio.ensure_future(client.get("/revocations", params={"wait": 20}))
            assert (await client.get("/ready")).status_code == 200
            app.begin_to_stop()
            assert (await waiting).status_code == 503
            assert (await client.get("/ready")).status_code == 503
            assert (await client.get("/health")).status_code == 200
        async with served(app) as client:  # the same application once more
            assert (await client.get("/ready")).status_code == 200

    asyncio.run(journey())


class Lifespan:
    """An ASGI server's side of the lifespan protocol."""

    def __init__(self, app: Any) -> None:
        self.sent: list[Message] = []
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self.task = asyncio.ensure_future(app({"type": "lifespan"}, self._said.get, self._heard.put))

    async def say(self, what: str) -> Message:
        """Send a message and return the answer."""
        await self._said.put({"type": what})
        return await self._heard.get()


def test_the_server_s_lifespan_starts_and_stops_it(settings: Settings) -> None:
    """ASGI 3.0, "Lifespan Protocol"."""

    async def journey() -> None:
        app = make(settings)
        lifespan = Lifespan(app)
        assert await lifespan.say("lifespan.startup") == {"type": "lifespan.startup.complete"}
        async with browse(app) as client:
            assert (await client.get("/health")).status_code == 200
            assert await lifespan.say("lifespan.shutdown") == {"type": "lifespan.shutdown.complete"}
            await lifespan.task
            with pytest.raises(RuntimeError, match="not running"):
                await client.get("/health")

    asyncio.run(journey())


@pytest.mark.parametrize("trouble", ["another secret", "no database"])
def test_what_the_operator_can_mend_is_said_in_one_line(settings: Settings, trouble: str) -> None:
    """The ASGI server prints the message; a traceback would bury it."""
    changes: dict[str, dict[str, Any]] = {
        "another secret": {"secret": Secret(SECRET[::-1])},
        "no database": {"database": "sqlite:////nonexistent/jotary.db"},
    }
    says = {"another secret": "was the server's secret changed?", "no database": "cannot open"}[trouble]

    async def journey() -> Message:
        await prepare(settings)
        return await Lifespan(make(settings, **changes[trouble])).say("lifespan.startup")

    answer = asyncio.run(journey())
    assert answer["type"] == "lifespan.startup.failed"
    assert says in answer["message"]
    assert "\n" not in answer["message"]


def test_mounted_below_a_path_it_answers_there(settings: Settings) -> None:
    """Design §6.7: the host enters `running()` in its own lifespan."""
    identity = make(settings, issuer="http://127.0.0.1:8000/id")

    @contextlib.asynccontextmanager
    async def lifespan(_host: Starlette) -> AsyncIterator[None]:
        async with identity.running():
            yield

    host = Starlette(routes=[Mount("/id", app=identity)], lifespan=lifespan)

    async def journey() -> None:
        server = Lifespan(host)
        assert (await server.say("lifespan.startup"))["type"] == "lifespan.startup.complete"
        async with browse(host) as client:
            metadata = (await client.get("/id/.well-known/openid-configuration")).json()
            assert metadata["issuer"] == "http://127.0.0.1:8000/id"
            assert (await client.get(metadata["jwks_uri"])).json()["keys"]
            assert (await client.get("/id/sign-in")).status_code == 200
        assert (await server.say("lifespan.shutdown"))["type"] == "lifespan.shutdown.complete"

    asyncio.run(journey())


def test_mounted_without_its_lifespan_it_says_what_to_do(settings: Settings) -> None:
    """Frameworks do not pass the lifespan on to what is mounted."""

    async def journey() -> None:
        async with browse(Starlette(routes=[Mount("/id", app=make(settings))])) as client:
            with pytest.raises(RuntimeError, match=r"must enter `application.running\(\)`"):
                await client.get("/id/health")

    asyncio.run(journey())


def test_a_websocket_is_closed(settings: Settings) -> None:
    """There are none here; a host that lets them through must not get an exception."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def journey() -> None:
        app = make(settings)
        async with app.running():
            await app({"type": "websocket", "path": "/"}, asyncio.Queue[Message]().get, send)

    asyncio.run(journey())
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_keys_that_another_process_makes_are_published_without_a_restart(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design §6.2: `jotary key rotate` beside a running server."""
    monkeypatch.setattr(app_module, "KEY_REFRESH_INTERVAL", 0.01)

    async def journey() -> None:
        async with served(make(settings)) as client:
            assert len(await published_keys(client)) == 1
            store = await open_store(settings.database)
            await make_rotation(settings, store, entropy=app_module.system_entropy).rotate(START)
            await store.close()
            await until(lambda: published_keys(client), lambda kids: len(kids) == 2)

    asyncio.run(journey())


def test_what_has_expired_is_forgotten(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design §6.7: in the background, with no command to schedule."""
    monkeypatch.setattr(app_module, "PURGE_INTERVAL", 0.01)
    path = settings.database.removeprefix("sqlite:///")

    async def remembered() -> int:
        with contextlib.closing(sqlite3.connect(path)) as database:
            count: int = database.execute("SELECT count(*) FROM revocations").fetchone()[0]
            return count

    async def journey() -> None:
        async with served(make(settings)):
            with contextlib.closing(sqlite3.connect(path)) as database, database:
                database.execute(
                    "INSERT INTO revocations (kind, value, issued_before, created_at, expires_at)"
                    " VALUES ('sid', 'x', 1, 1, 2), ('sid', 'y', 1, 1, ?)",
                    (START + 60,),
                )
            assert await remembered() == 2
            await until(remembered, lambda count: count == 1)

    asyncio.run(journey())


def test_background_work_that_fails_is_logged_and_tried_again() -> None:
    """A database that is away for a minute must not end the refreshing of keys for good, nor fill the log."""
    outcomes: Iterator[Exception] = iter(
        [Unavailable("away", hint="Fetch it."), Unavailable("away"), ValueError("broken"), ValueError("broken")]
    )

    async def journey() -> None:
        done = asyncio.Event()
        has_worked: list[bool] = []

        async def work() -> None:
            error = next(outcomes, None)
            if error is not None:
                raise error
            if has_worked:
                done.set()
            has_worked.append(True)

        async with periodically(0, work, "work"):
            await done.wait()

    with structlog.testing.capture_logs() as logs:
        asyncio.run(journey())
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("periodic_work_unavailable", "warning"),
        ("periodic_work_failed", "error"),
        ("periodic_work_recovered", "info"),
    ]
    assert [line.get("hint") for line in logs] == ["Fetch it.", None, None]


@pytest.fixture
def _logging_undone() -> Iterator[None]:
    """What `from_environment` sets up for the process is undone behind the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger("uvicorn.access").setLevel(logging.NOTSET)
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_undone")
def test_an_asgi_server_loads_it_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`uvicorn --factory jotary.server.app:from_environment`; told to stop, it hears of it before the server does."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jotary.toml").write_text('issuer = "http://127.0.0.1:9"')
    monkeypatch.setenv("JOTARY_LOG_LEVEL", "error")
    told: list[int] = []

    def server_s_own(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    before = {number: signal.signal(number, server_s_own) for number in (signal.SIGTERM, signal.SIGINT)}

    async def journey() -> None:
        app = from_environment()
        async with served(app) as client:
            assert (await client.get("/.well-known/openid-configuration")).json()["issuer"] == "http://127.0.0.1:9"
            assert logging.getLogger().level == logging.ERROR
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(0)
            assert (await client.get("/ready")).status_code == 503

    try:
        asyncio.run(journey())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert told == [signal.SIGTERM]
    assert (tmp_path / "jotary.secret").exists()
