"""Whether a pool takes what comes, as its queues see it."""

from typing import Any

import pytest

from taskfleet.api import Object, WorkerPool
from taskfleet.controllers.pool_consumer import pool_consumer
from tests.unit.objects import conditions, pool


def seen(raw: Object) -> tuple[str | None, str | None]:
    reader = pool_consumer(raw, WorkerPool.parse(raw))
    return reader.stopped, reader.trouble


@pytest.mark.parametrize(
    ("spec", "stopped"),
    [
        pytest.param({}, None, id="one-pod"),
        pytest.param({"suspend": True}, "is suspended; set spec.suspend to false", id="suspended"),
        pytest.param({"replicas": 0}, "has spec.replicas 0; raise it", id="no-replicas"),
        pytest.param({"autoscale": {"minReplicas": 0, "maxReplicas": 3}}, None, id="may-grow"),
        pytest.param(
            {"autoscale": {"minReplicas": 0, "maxReplicas": 0}},
            "has spec.autoscale.maxReplicas 0; raise it",
            id="may-not-grow",
        ),
    ],
)
def test_what_of_the_spec_keeps_a_pool_from_its_queues(spec: Any, stopped: str | None) -> None:
    assert seen(pool(**spec)) == (stopped, None)


@pytest.mark.parametrize(
    ("ready", "trouble"),
    [
        pytest.param("True Available", None, id="ready"),
        pytest.param("True ScaledToZero", None, id="at-zero"),
        pytest.param("False PodsNotReady", None, id="its-pods-start"),
        pytest.param("False BrokerNotReady", None, id="its-broker-is-away"),
        pytest.param("False BeatNotReady", None, id="only-its-beat-fails"),
        pytest.param("False ImagePullFailed", "is not ready (ImagePullFailed)", id="its-pods-never-start"),
    ],
)
def test_what_keeps_its_pods_from_coming_up(ready: str, trouble: str | None) -> None:
    assert seen(pool(status=conditions(Ready=ready))) == (None, trouble)
