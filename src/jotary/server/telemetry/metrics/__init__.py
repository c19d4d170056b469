"""The figures that an operator is woken by, in Prometheus' format."""

from jotary.server.telemetry.metrics.metrics import Metrics

__all__ = ["Metrics"]
