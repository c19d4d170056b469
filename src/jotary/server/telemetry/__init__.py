"""What an operator sees: logs, metrics and traces, with no secret in them; and what a service manager is told."""

from jotary.server.telemetry.logs import configure_logging
from jotary.server.telemetry.request_id import RequestIds
from jotary.server.telemetry.service_manager import READY, STOPPING, tell_service_manager
from jotary.server.telemetry.telemetry import Telemetry

__all__ = ["READY", "STOPPING", "RequestIds", "Telemetry", "configure_logging", "tell_service_manager"]
