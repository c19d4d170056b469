"""Counters and histograms of the event loop's thread alone: no locks, which would cost more than the counting."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from jotary.server.telemetry.metrics.catalogue import Metric


class Tally:
    """How many values fell between which bounds."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Tallies:
    """A metric's tallies by its labels; any thread may collect them."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._tallies: dict[tuple[str, ...], Tally] = {}

    def labels(self, *labels: str) -> Tally:
        """The tally for these labels: keep it, rather than look it up each time."""
        tally = self._tallies.get(labels)
        if tally is None:
            tally = self._tallies[labels] = Tally(self._metric.buckets)
        return tally

    def collect(self) -> Iterator[Family]:
        """As of every collector."""
        name, text, labels = self._metric.name, self._metric.help, self._metric.labels
        if self._metric.kind == "counter":
            counter = CounterMetricFamily(name, text, labels=labels)
            for values, tally in tuple(self._tallies.items()):
                counter.add_metric(values, tally.total)
            yield counter
            return
        histogram = HistogramMetricFamily(name, text, labels=labels)
        bounds = [*map(str, self._metric.buckets), "+Inf"]
        for values, tally in tuple(self._tallies.items()):
            counts = accumulate(tuple(tally.counts))
            buckets = [(bound, float(count)) for bound, count in zip(bounds, counts, strict=True)]
            histogram.add_metric(values, buckets, tally.total)
        yield histogram
