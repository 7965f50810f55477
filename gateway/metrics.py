"""Prometheus metrics, read from the living objects when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Gauges(Collector):
    """Gauges whose values are asked for at each scrape: name -> (help, read)."""

    def __init__(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        self._gauges = dict(gauges)

    def collect(self) -> Iterator[Metric]:
        for name, (text, read) in self._gauges.items():
            yield GaugeMetricFamily(f"trunkline_{name}", text, value=read())


class Metrics:
    """The registry of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ended = Counter(
            "trunkline_calls_ended", "Calls that ended, by final status", ["status"], registry=self.registry
        )
        self.webhooks = Counter(
            "trunkline_webhooks", "Document requests, by outcome", ["outcome"], registry=self.registry
        )

    def watch(self, gauges: Mapping[str, tuple[str, Callable[[], float]]]) -> None:
        """Adds gauges."""
        self.registry.register(Gauges(gauges))

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)


def open_fds() -> float:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))
