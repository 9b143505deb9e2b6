"""A deleted pod whose worker goes on is told to stop, whatever else is decided."""

import pytest

from taskfleet.api import Key, WorkerPool
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.brokers.polling.worker_report import Report
from taskfleet.scaling.due_pools import NEXT_READING
from taskfleet.scaling.load import PoolLoad
from taskfleet.scaling.pool import ScaledPool
from taskfleet.scaling.scale_plan import ScalePlan
from tests.unit.objects import NAMESPACE, pool
from tests.unit.scaling.test_pods import pod

DEPLOYMENT = {"metadata": {}, "spec": {"replicas": 0}}
DELETED = pod("gone", deletionTimestamp="2026-01-01T00:00:00Z")


def steps(mode: str, *states: str) -> list[ScalePlan | None]:
    """What is done while the deleted pod reports these states, at readings 3 s apart."""
    scale = {"minReplicas": 0, "maxReplicas": 2, "mode": mode}
    scaled = ScaledPool(WorkerPool.parse(pool(autoscale=scale)), Key("Broker", NAMESPACE, "default"))
    done = []
    for reading, state in enumerate(states):
        now = 100.0 + 3 * reading
        reports = {"gone": LastReport(Report(state=state), now, b"")}
        pods = scaled.pods(DEPLOYMENT, [DELETED], reports, now=now, reports_asked_at=now)
        load = PoolLoad(limits=scaled.limits, replicas=0, pods=pods, waiting=0, broker_reachable=True)
        done.append(scaled.step(load, now))
        assert (scaled.due_at == NEXT_READING) == (state != "stopping"), "looked at again until it has heard"
    return done


@pytest.mark.parametrize("mode", ["Auto", "Hold"])
def test_a_pod_that_goes_on_is_told_to_stop(mode: str) -> None:
    assert steps(mode, "ready", "ready", "ready")[-1] == ScalePlan(replicas=0, stop=("gone",))


def test_a_pod_that_has_heard_its_term_is_told_nothing() -> None:
    assert steps("Auto", "ready", "ready", "stopping", "stopping") == [ScalePlan(replicas=0)] * 4
