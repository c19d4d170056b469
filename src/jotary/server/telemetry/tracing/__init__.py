"""Traces by OpenTelemetry, where `jotary[otel]` is installed and an exporter is configured."""

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from jotary.server.telemetry.tracing.tracing import Tracing

#: Where OpenTelemetry's own variables say that spans go (OpenTelemetry specification, "OTLP Exporter").
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

log = structlog.get_logger("jotary.server")


def tracing_from_environment(environ: Mapping[str, str]) -> "Tracing | None":
    """Tracing as OpenTelemetry's variables have it; None where they name no endpoint, or turn it off.

    Without the extra the server runs all the same, and says so: in a cluster such variables are set for every program.
    """
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if is_off or not any(environ.get(name) for name in ENDPOINTS):
        return None
    if importlib.util.find_spec("opentelemetry") is None or importlib.util.find_spec("opentelemetry.sdk") is None:
        log.warning("traces_not_installed", hint="Install jotary[otel], or unset OTEL_EXPORTER_OTLP_ENDPOINT.")
        return None
    from jotary.server.telemetry.tracing.tracing import exporting  # noqa: PLC0415 -- an extra

    return exporting()
