"""What a person sees of the API through kubectl."""

from itertools import pairwise
from pathlib import Path

import pytest

from taskfleet.api import KINDS, Object
from tests.envtest.rules.case import build
from tests.tools.cluster import kubectl
from tests.tools.kube import Kube

NOW = "2030-01-31T08:00:00Z"
READY = {"type": "Ready", "status": "True", "reason": "Available", "message": "2 of 2 pods are ready."}
WORKER: Object = {
    "celeryVersion": "5.7.0",
    "kombuVersion": "5.7.0",
    "pythonVersion": "3.12.1",
    "pool": "prefork",
    "capacity": 4,
    "queues": ["high", "low"],
    "acksLate": True,
    "prefetchCount": 4,
    "inputsHash": "0123456789abcdef",
}


def run(kubeconfig: Path, *arguments: str) -> str:
    result = kubectl.run(kubeconfig, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            "wp.spec.autoscale",
            [
                "Scales the number of pods with the queues. Cannot be combined with replicas.",
                "maxReplicas <integer> -required- The maximum number of pods.",
                "mode <string> enum: Auto, Recommend, Hold Auto scales the pool.",
                "Hold keeps the current size. Default: Auto.",
            ],
            id="autoscale",
        ),
        pytest.param("wp.spec.timeLimit", ["A task that runs for longer is killed"], id="time-limit"),
        pytest.param("brk.spec.redis.storage", ["The volume's size. It can grow, not shrink."], id="storage"),
        pytest.param("tq.status.oldestAge", ["an estimate"], id="oldest-age"),
        pytest.param("psched.spec.schedule", ["such as 30 6 * * 1-5, or @yearly"], id="schedule"),
    ],
)
@pytest.mark.usefixtures("kube")
def test_explain_reads_like_documentation(kubeconfig: Path, path: str, expected: list[str]) -> None:
    text = " ".join(run(kubeconfig, "explain", path).split())
    for sentence in expected:
        assert sentence in text


@pytest.mark.parametrize(
    ("kind", "spec", "status", "narrow"),
    [
        pytest.param(
            "WorkerPool",
            {"autoscale": {"maxReplicas": 5}},
            {
                "desiredReplicas": 3,
                "readyReplicas": 2,
                "busyReplicas": 1,
                "waiting": 7,
                "worker": WORKER,
                "conditions": [READY],
            },
            {
                "NAME": "subject",
                "POOL": "prefork",
                "DESIRED": "3",
                "READY": "2",
                "BUSY": "1",
                "WAITING": "7",
                "STATUS": "Available",
            },
            id="WorkerPool",
        ),
        pytest.param(
            "Broker",
            {},
            {
                "conditions": [READY],
                "endpoint": "default-broker:6379",
                "version": "7.4.1",
                "memory": "1Mi/256Mi",
                "clients": 12,
            },
            {
                "NAME": "subject",
                "READY": "True",
                "STATUS": "Available",
                "ENDPOINT": "default-broker:6379",
                "VERSION": "7.4.1",
                "MEMORY": "1Mi/256Mi",
                "CLIENTS": "12",
            },
            id="Broker",
        ),
        pytest.param(
            "TaskQueue",
            {},
            {
                "waiting": 7,
                "unacked": 2,
                "oldestAge": "1m5s",
                "arrivalRate": 1.5,
                "completionRate": 2,
                "pools": ["orders"],
                "conditions": [{**READY, "type": "Healthy"}],
            },
            {
                "NAME": "subject",
                "WAITING": "7",
                "UNACKED": "2",
                "OLDEST": "1m5s",
                "IN/S": "1.5",
                "OUT/S": "2",
                "POOLS": '["orders"]',
                "HEALTHY": "True",
            },
            id="TaskQueue",
        ),
        pytest.param(
            "PeriodicSchedule",
            {"interval": None, "schedule": "@daily", "timeZone": "Europe/Berlin"},
            {"nextScheduleTime": NOW, "totalRunCount": 4, "conditions": [READY]},
            {
                "NAME": "subject",
                "SCHEDULE": "@daily",
                "TZ": "Europe/Berlin",
                "SUSPEND": "false",
                "LAST": "",
                "NEXT": NOW,
                "RUNS": "4",
                "STATUS": "Available",
            },
            id="PeriodicSchedule",
        ),
    ],
)
def test_get_answers_at_a_glance(  # noqa: PLR0917 - fixtures and the table's columns
    kube: Kube,
    kubeconfig: Path,
    namespace: str,
    kind: str,
    spec: Object,
    status: Object,
    narrow: dict[str, str],
) -> None:
    kube.create(build(kind, spec, namespace=namespace))
    kube.patch(kind, "subject", namespace, {"status": status}, subresource="status")
    head, row = run(kubeconfig, "--namespace", namespace, "get", kind).splitlines()
    assert head.split() == [*narrow, "AGE"]
    starts = [head.index(f"{name} ") for name in narrow] + [head.index("AGE")]
    cells = [row[start:end].strip() for start, end in pairwise(starts)]
    assert dict(zip(narrow, cells, strict=True)) == narrow


def test_get_taskfleet_shows_the_whole_fleet(kube: Kube, kubeconfig: Path, namespace: str) -> None:
    for info in KINDS:
        kube.create(build(info.kind, {}, namespace=namespace))
    names = run(kubeconfig, "--namespace", namespace, "get", "taskfleet", "--output=name").split()
    assert names == sorted(f"{info.kind.lower()}.taskfleet.dev/subject" for info in KINDS)


def test_the_wide_table_tells_the_last_decision(kube: Kube, kubeconfig: Path, namespace: str) -> None:
    kube.create(build("WorkerPool", {"queues": ["high", "low"]}, namespace=namespace))
    decision = {"time": NOW, "from": 1, "to": 3, "reason": "Demand", "message": "12 waiting over 4 a pod"}
    status = {"status": {"lastDecision": decision, "worker": WORKER}}
    kube.patch("WorkerPool", "subject", namespace, status, subresource="status")
    table = run(kubeconfig, "--namespace", namespace, "get", "wp", "--output=wide")
    assert "12 waiting over 4 a pod" in table
    assert '["high","low"]' in table
