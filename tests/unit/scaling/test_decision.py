import pytest

from taskfleet.api import Object, WorkerPool
from taskfleet.scaling.decision import SizeReason, decide
from tests.unit.objects import pool


@pytest.mark.parametrize(
    ("spec", "replicas", "reason"),
    [
        pytest.param({}, 1, SizeReason.REPLICAS, id="one-by-default"),
        pytest.param({"replicas": 4}, 4, SizeReason.REPLICAS, id="fixed"),
        pytest.param({"replicas": 0}, 0, SizeReason.REPLICAS, id="fixed-at-zero"),
        pytest.param({"replicas": 4, "suspend": True}, 0, SizeReason.SUSPENDED, id="suspended"),
        pytest.param(
            {"autoscale": {"minReplicas": 2, "maxReplicas": 5}, "suspend": True},
            0,
            SizeReason.SUSPENDED,
            id="suspended-autoscale",
        ),
    ],
)
def test_size_that_the_spec_alone_decides(spec: Object, replicas: int, reason: SizeReason) -> None:
    size = decide(WorkerPool.parse(pool(**spec)).spec)
    assert (size.replicas, size.reason) == (replicas, reason)
    assert size.message.endswith(".")


def test_stale_replicas_beside_autoscale_is_ignored() -> None:
    spec = WorkerPool.parse(pool(replicas=9, autoscale={"minReplicas": 2, "maxReplicas": 5})).spec
    assert decide(spec).replicas == 2
