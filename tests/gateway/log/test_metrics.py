"""Metrics in Prometheus' text format."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import Metrics, open_fds


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Name and label -> value, as a scraper reads them."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_counters_and_gauges() -> None:
    metrics, calls = Metrics(), [1, 2, 3]
    metrics.watch({"calls": ("Living calls", lambda: len(calls))})
    metrics.ended.labels("completed").inc()
    metrics.ended.labels("completed").inc()
    metrics.webhooks.labels("failed").inc()
    assert samples(metrics) == {
        ("trunkline_calls", ""): 3, ("trunkline_calls_ended_total", "completed"): 2,
        ("trunkline_webhooks_total", "failed"): 1,
    }  # fmt: skip
    calls.clear()
    assert samples(metrics)["trunkline_calls", ""] == 0
    assert "# HELP trunkline_calls Living calls" in metrics.text().decode()


def test_two_gateways_do_not_share_their_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.ended.labels("busy").inc()
    assert samples(other) == {}


def test_open_files_are_counted() -> None:
    before = open_fds()
    with open("/dev/null"):
        assert open_fds() == before + 1
