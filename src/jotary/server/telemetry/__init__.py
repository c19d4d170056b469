"""What an operator sees: logs with request ids, and no secret in them; and what a service manager is told."""

from jotary.server.telemetry.logs import configure_logging
from jotary.server.telemetry.request_id import RequestIds
from jotary.server.telemetry.service_manager import READY, STOPPING, tell_service_manager

__all__ = ["READY", "STOPPING", "RequestIds", "configure_logging", "tell_service_manager"]
