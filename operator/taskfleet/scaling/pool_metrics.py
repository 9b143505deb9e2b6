"""What the scaling loop knows of each pool, for Prometheus, at the moment of the question: nothing of it grows old."""

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from taskfleet.brokers.brokers import Readings
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot
from taskfleet.faults import FaultLog
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.load import PodState
from taskfleet.scaling.loop import ScalingLoop
from taskfleet.scaling.pool import ScaledPool

_MEANINGS = {
    "desired_replicas": "Desired number of pods.",
    "ready_replicas": "Current number of ready pods.",
    "busy_replicas": "Current number of pods that run a task.",
    "draining_replicas": "Current number of pods that finish their tasks and fetch no new ones.",
    "waiting_messages": (
        "Current number of waiting messages in the pool's queues. Each pool counts shared queues in full."
    ),
    "in_flight_messages": "Current number of messages that the pool's pods hold, running or prefetched.",
    "oldest_message_age_seconds": "Estimated age of the oldest waiting message.",
}


class PoolMetrics(Collector):
    """Nothing is exported for a broker that does not answer."""

    def __init__(self, scaling: ScalingLoop, brokers: Readings) -> None:
        self._scaling = scaling
        self._brokers = brokers
        self._faults = FaultLog("the metrics of a pool failed")

    def collect(self) -> Iterator[Metric]:
        families = {
            name: GaugeMetricFamily(f"taskfleet_pool_{name}", meaning, labels=("namespace", "pool"))
            for name, meaning in _MEANINGS.items()
        }
        for scaled in self._scaling.pools():
            try:
                figures = pool_figures(scaled, self._brokers)
            except Exception as error:  # one pool hides no other
                self._faults.exception(str(scaled.pool.key), error)
                continue
            labels = (scaled.pool.namespace, scaled.pool.name)
            for name, value in figures.items():
                families[name].add_metric(labels, float(value))
        yield from families.values()


def pool_figures(scaled: ScaledPool, brokers: Readings) -> Mapping[str, float]:
    """By name; of a pool that was never decided on none, and those of its work only while its broker answers."""
    if scaled.decided is None:
        return {}
    seen = brokers.snapshot(scaled.broker)
    work = _of_work(scaled.decided, seen, scaled.pool.queues) if seen else {}
    return {**_of_size(scaled.decided), **work}


def _of_size(decided: DecisionRecord) -> Mapping[str, float]:
    ready = sum(not pod.unready for pod in decided.load.pods)
    return {"desired_replicas": decided.verdict.pods, "ready_replicas": ready}


def _of_work(decided: DecisionRecord, seen: BrokerSnapshot, queues: Sequence[str]) -> Mapping[str, float]:
    load = decided.load
    ages = [age for queue in queues if (age := seen.oldest_age(queue)) is not None]
    return {
        "busy_replicas": sum(pod.active > 0 for pod in load.pods),
        "draining_replicas": len(load.of(PodState.DRAINING)) + len(load.of(PodState.DRAINED)),
        "waiting_messages": sum(seen.total(queue) for queue in queues),
        "in_flight_messages": sum(pod.active + pod.prefetched for pod in load.pods),
        **({"oldest_message_age_seconds": max(ages)} if ages else {}),
    }
