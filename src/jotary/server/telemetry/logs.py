"""Setting up logs: ours by structlog and everybody else's by the standard library come out as the same lines."""

import logging
import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

import msgspec
import structlog

from jotary.server.settings import Settings
from jotary.server.telemetry.redaction import redact
from jotary.server.telemetry.request_id import current_request_id, current_trace

#: Libraries that say too much of what we say ourselves.
_QUIET: Final = ("uvicorn", "uvicorn.error", "asyncio", "alembic")


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines. Of one that cannot be written, the standard library would show the arguments, secrets included."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- the standard library's name
        """Say where the line was lost."""
        lost = {"event": "log_line_lost", "level": "error", "logger": record.name, "line": record.lineno}
        with suppress(OSError, ValueError):  # the stream itself may be gone
            self.stream.write(f"{_json(lost)}{self.terminator}")


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send all log lines of this process to a stream. Calling it again replaces what was set up before.

    Args:
        settings: format, least important level, and whether requests are logged.
        stream: standard error if None.
    """
    stream = stream or sys.stderr
    level = getattr(logging, settings.log_level.upper())
    is_console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    renderer = _console(stream) if is_console else structlog.processors.JSONRenderer(serializer=_json)
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
        structlog.processors.format_exc_info,  # plain text: tracebacks with local variables would show secrets
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = _Lines(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    _install(handler, level)
    logging.getLogger("uvicorn.access").setLevel(logging.CRITICAL)  # it shows queries; `access_log.py` does not


def _install(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in [
        handler for handler in root.handlers if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
    ]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(level if level == logging.DEBUG else max(level, logging.WARNING))


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    name = current_request_id()
    if name is not None:
        event["request_id"] = name
    trace = current_trace()
    if trace is not None:
        event["trace_id"], event["span_id"] = trace
    return event


def _console(stream: TextIO) -> Any:
    colors = stream.isatty() and not os.environ.get("NO_COLOR")  # no-color.org
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
    )


def _json(event: MutableMapping[str, Any], **_options: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
