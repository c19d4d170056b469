"""One set-up for our log lines and everybody else's."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from jotary.oauth.errors import OAuthError
from jotary.oauth.secret import Secret
from jotary.server.model.request_notes import REFUSAL, ROUTE, STATUS
from jotary.server.settings import Settings
from jotary.server.telemetry import RequestIds, configure_logging
from jotary.server.telemetry.access_log import access_log as access_log_of


def settings(**values: Any) -> Settings:
    """Settings with JSON logs."""
    return Settings(**{"secret": Secret("0123456789abcdef0123456789abcdef"), "log_format": "json", **values})


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where the lines go; what was set up is undone behind the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:], root.level = handlers, level
    logging.getLogger("uvicorn.access").setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_look_alike(stream: io.StringIO) -> None:
    """One parser reads them all; moments are in UTC."""
    configure_logging(settings(), stream=stream)
    structlog.get_logger("jotary.web").info("refused", path="/token")
    logging.getLogger("some.library").warning("%d things", 3)
    ours, theirs = lines(stream)
    assert ours.pop("timestamp").endswith("Z")
    assert theirs.pop("timestamp").endswith("Z")
    assert ours == {"event": "refused", "path": "/token", "level": "info", "logger": "jotary.web"}
    assert theirs == {"event": "3 things", "level": "warning", "logger": "some.library"}


def test_lines_of_a_request_carry_its_name(stream: io.StringIO) -> None:
    """The same name as in the answer's header."""
    configure_logging(settings(), stream=stream)

    async def app(*_: object) -> None:
        structlog.get_logger().info("ours")
        logging.getLogger("theirs").warning("theirs")

    asyncio.run(RequestIds(app, lambda size: b"\x07" * size)({"type": "http"}, None, None))  # type: ignore[arg-type] # the application uses neither
    assert [line["request_id"] for line in lines(stream)] == ["07" * 8] * 2


def fail(log: Any) -> None:
    """Log an exception that was raised beside a password, with a refresh token in its text."""

    def sign_in() -> None:
        password = "hunter2"
        raise ValueError(f"no{password[:0]} good: jrt_abcdefghijklmnop")

    try:
        sign_in()
    except ValueError:
        log.exception("failed")


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("logger", [structlog.get_logger, logging.getLogger])
def test_a_traceback_shows_no_local_variable_and_no_secret(stream: io.StringIO, log_format: str, logger: Any) -> None:
    """What structlog makes of tracebacks by default holds the value of every local variable."""
    configure_logging(settings(log_format=log_format), stream=stream)
    fail(logger("name"))
    assert "Traceback" in stream.getvalue()
    assert "ValueError: no good: [hidden]" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_secrets_are_hidden_in_lines_of_libraries(stream: io.StringIO) -> None:
    """Also when they come in as arguments."""
    configure_logging(settings(), stream=stream)
    logging.getLogger("some.library").info('%s - "GET /x?hint=%s"', "127.0.0.1", "eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.")
    (line,) = lines(stream)
    assert line["event"] == '127.0.0.1 - "GET /x?hint=[hidden]"'


def test_a_line_that_cannot_be_written_shows_no_arguments(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """The standard library prints them beside a traceback; where it was is enough to find the mistake."""
    logging.getLogger().handlers.clear()  # those of the test runner raise
    configure_logging(settings(), stream=stream)
    logging.getLogger("some.library").warning("%d things", "jrt_abcdefghijklmnop")
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("log_line_lost", "some.library")
    stream.close()
    logging.getLogger("some.library").warning("%s", "jrt_abcdefghijklmnop")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_less_important_lines_are_left_out(stream: io.StringIO, level: str, count: int) -> None:
    """The setting log_level, for both kinds of loggers."""
    configure_logging(settings(log_level=level), stream=stream)
    for log in (structlog.get_logger("ours"), logging.getLogger("theirs")):
        for method in ("debug", "info", "warning", "error"):
            getattr(log, method)("line")
    assert len(lines(stream)) == count * 2


@pytest.mark.parametrize("access_log", [True, False])
def test_requests_are_logged_only_when_asked_for(stream: io.StringIO, access_log: bool) -> None:
    """Off by default: a proxy in front does it. Never by uvicorn, whose lines show queries, which are personal."""
    configure_logging(settings(access_log=access_log), stream=stream)
    logging.getLogger("uvicorn.access").info("GET /?login_hint=ada")
    logging.getLogger("uvicorn.error").info("Started server process")  # said by `jotary serve` itself
    tell = access_log_of(settings(access_log=access_log))
    if tell is not None:
        tell({"method": "GET", "path": "/?login_hint=ada", STATUS: 200, ROUTE: "/", "client": ("192.0.2.1", 1)}, 0.5)
    found = [(line["method"], line["path"], line["status"], line["duration_ms"]) for line in lines(stream)]
    assert found == ([("GET", "/", 200, 500.0)] if access_log else [])


def test_requests_are_logged_for_debugging(stream: io.StringIO) -> None:
    """A method may be any text that a stranger likes; what is refused is named."""
    configure_logging(settings(log_level="debug"), stream=stream)
    tell = access_log_of(settings(log_level="debug"))
    assert tell is not None
    tell({"method": "jrt_secret", "path": "/eyJ", STATUS: 404, REFUSAL: OAuthError("invalid_request", "No.")}, 0.0)
    (line,) = lines(stream)
    assert (line["method"], line["path"], line["error"], line["level"]) == ("other", None, "invalid_request", "debug")


def test_setting_up_twice_writes_every_line_once(stream: io.StringIO) -> None:
    """`jotary serve` and a worker's factory both do."""
    configure_logging(settings(), stream=stream)
    configure_logging(settings(), stream=stream)
    logging.getLogger("x").warning("line")
    structlog.get_logger().warning("line")
    assert len(lines(stream)) == 2


@pytest.mark.parametrize(("is_terminal", "begins"), [(True, "\x1b["), (False, "{")])
def test_auto_is_for_people_on_a_terminal_and_json_elsewhere(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, is_terminal: bool, begins: str
) -> None:
    """The setting log_format."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    configure_logging(settings(log_format="auto"), stream=stream)
    structlog.get_logger().warning("line")
    assert stream.getvalue().startswith(begins)


def test_no_color_is_honoured(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """no-color.org."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(stream, "isatty", lambda: True)
    configure_logging(settings(log_format="auto"), stream=stream)
    structlog.get_logger().warning("line")
    assert "\x1b" not in stream.getvalue()
