"""One line for each request: what was asked and answered, and nothing that anybody sent."""

from typing import Final

import structlog
from starlette.types import Scope

from jotary.server.model.request_notes import REFUSAL, ROUTE, STATUS
from jotary.server.settings import Settings
from jotary.server.telemetry.watched_requests import Tell

#: The methods of RFC 9110 §9.3 and RFC 5789 §2: any other may be any text.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})

log = structlog.get_logger("jotary.access")


def access_log(settings: Settings) -> Tell | None:
    """Who logs requests: important enough to be seen if the settings say so, else for debugging; None: nobody."""
    if settings.access_log:
        return lambda scope, seconds: log.info("request", **_fields(scope, seconds))
    if settings.log_level == "debug":
        return lambda scope, seconds: log.debug("request", **_fields(scope, seconds))
    return None


def _fields(scope: Scope, seconds: float) -> dict[str, object]:
    """The path that answered, never the path, query or method as sent: people paste tokens everywhere."""
    refusal, client = scope.get(REFUSAL), scope.get("client")
    return {
        "method": scope["method"] if scope["method"] in METHODS else "other",
        "path": scope.get(ROUTE),
        "status": scope.get(STATUS),
        "duration_ms": round(seconds * 1000, 3),
        "address": client[0] if client else None,
        **({} if refusal is None else {"error": refusal.error}),
    }
