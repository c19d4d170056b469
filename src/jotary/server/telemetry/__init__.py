"""What an operator sees: logs with request ids, and no secret in them."""

from jotary.server.telemetry.logs import configure_logging
from jotary.server.telemetry.request_id import RequestIds

__all__ = ["RequestIds", "configure_logging"]
