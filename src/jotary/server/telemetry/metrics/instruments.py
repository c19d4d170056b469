"""The counters and histograms of one process, in a registry of their own."""

import platform
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from jotary.server.telemetry.metrics import catalogue
from jotary.server.telemetry.metrics.catalogue import Metric
from jotary.server.telemetry.metrics.tally import Tallies

#: A gauge's values by its labels, looked up when somebody asks for the figures.
Reading = Callable[[], Iterable[tuple[tuple[str, ...], float]]]

#: Different texts of refusals that are told apart: all are fixed ones, and this is for the mistake of one day.
MAX_REASONS: Final = 300


class Instruments:
    """What is counted and measured here. Gauges are read only when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._readings: list[tuple[Metric, Reading]] = []
        self._reasons: set[str] = set()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Readings(self._readings))
        build = (version("jotary"), platform.python_version())
        self.read(catalogue.BUILD, lambda: [(build, 1.0)])

    def counter(self, metric: Metric) -> Counter:
        """A new counter, by its labels if it has some."""
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)

    def histogram(self, metric: Metric) -> Histogram:
        """A new histogram, by its labels if it has some."""
        return Histogram(metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets)

    def tallies(self, metric: Metric) -> Tallies:
        """A new counter or histogram for the event loop's thread, by its labels if it has some."""
        tallies = Tallies(metric)
        self.registry.register(tallies)
        return tallies

    def read(self, metric: Metric, reading: Reading) -> None:
        """Look a gauge up whenever the figures are asked for, from another thread."""
        self._readings.append((metric, reading))

    def bounded(self, reason: str) -> str:
        """The text as a label, or `other` where there are too many by now."""
        if reason not in self._reasons and len(self._reasons) >= MAX_REASONS:
            return "other"
        self._reasons.add(reason)
        return reason


class _Readings:
    """Looks all gauges up."""

    def __init__(self, readings: list[tuple[Metric, Reading]]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Family]:
        """One family for each gauge."""
        for metric, reading in tuple(self._readings):
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in reading():
                family.add_metric(labels, value)
            yield family
