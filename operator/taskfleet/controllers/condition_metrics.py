"""Every abnormal condition, for Prometheus: what alerts are written against.

Only these are exported. A healthy fleet has no series here, however many objects it has.
"""

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from taskfleet.api.abnormal_conditions import abnormal_conditions
from taskfleet.kube.cache import Cache
from taskfleet.kube.resource_types import OWN_TYPES

NAME = "taskfleet_abnormal_condition"


class ConditionMetrics(Collector):
    """Reads the statuses in the cache at the moment of the question."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        labels = ("kind", "namespace", "name", "type", "reason")
        family = GaugeMetricFamily(NAME, "1 for each abnormal condition.", labels=labels)
        for kind in OWN_TYPES:
            for obj in self._cache.all(kind):
                metadata = obj["metadata"]
                for condition in abnormal_conditions(obj):
                    said = (condition["type"], condition["reason"])
                    family.add_metric((kind, metadata["namespace"], metadata["name"], *said), 1.0)
        yield family
