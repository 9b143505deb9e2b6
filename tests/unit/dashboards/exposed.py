"""Every sample that the operator can export, with its labels: read from the text that Prometheus would scrape."""

import runpy
from collections.abc import Iterator, Mapping
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from taskfleet import metrics
from taskfleet.api import Key
from taskfleet.brokers.outcomes.board import OutcomeBoard
from taskfleet.brokers.outcomes.exposition import rendered
from taskfleet.brokers.outcomes.totals import Counted
from taskfleet.controllers.condition_metrics import ConditionMetrics
from taskfleet.kube.cache import Cache
from taskfleet.scaling.pool_metrics import PoolMetrics
from tests.unit.objects import pool

POOL = Key("WorkerPool", "shop", "mail")
BY_TASK = (
    *("received", "started", "succeeded", "retried", "rejected", "ignored", "revoked", "expired"),
    *("timedOut", "interrupted", "runtimeCount", "runtimeMicroseconds"),
)
TOTALS = {
    **{kind: {Counted("pay", "high", ""): 1} for kind in BY_TASK},
    "failed": {Counted("pay", "high", "ValueError"): 1},
    "runtimeBucket": {Counted("", "high", "0.25"): 1},
    "waitBucket": {Counted("", "high", "0.25"): 1},
    "waitMicroseconds": {Counted("", "high", ""): 1},
}


def exposed_labels() -> Mapping[str, frozenset[str]]:
    """By the name of a sample, such as `celery_task_runtime_bucket`."""
    text = generate_latest(_registry()).decode() + "".join(_outcomes())
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _registry() -> CollectorRegistry:
    """The module's own registry once more, so that no other test sees its samples, with the two collectors."""
    again = runpy.run_path(metrics.__file__)
    for metric in again.values():
        if isinstance(metric, MetricWrapperBase) and metric._labelnames:
            metric.labels(*metric._labelnames)
    registry = cast(CollectorRegistry, again["REGISTRY"])
    registry.register(ConditionMetrics(_cache()))
    registry.register(_OnePool())
    return registry


def _cache() -> Cache:
    cache = Cache()
    stalled = {"type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": "A sentence."}
    cache.put(pool(status={"conditions": [stalled]}))
    return cache


class _NoPools:
    """A scaling loop without pools: the families are there all the same."""

    def pools(self) -> tuple[()]:
        return ()


class _OnePool(Collector):
    """A sample in each family of a pool's metrics."""

    def collect(self) -> Iterator[Metric]:
        for family in PoolMetrics(cast(Any, _NoPools()), cast(Any, None)).collect():
            gauge = cast(Any, family)
            gauge.add_metric(("shop", "mail"), 1.0)
            yield gauge


def _outcomes() -> Iterator[str]:
    board = OutcomeBoard()
    board.put(Key("Broker", "shop", "default"), POOL, rendered(POOL.namespace, POOL.name, TOTALS))
    for part in board.text():
        yield part.decode()
