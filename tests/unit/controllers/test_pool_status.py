"""From what was seen of a pool to its conditions, and from those to what kstatus and `kubectl wait` make of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from taskfleet.api import Object, WorkerPool
from taskfleet.api.reasons import PoolReason, Reason
from taskfleet.brokers.polling.broker_snapshot import BrokerSnapshot, LastReport
from taskfleet.brokers.polling.worker_report import Incarnation, Report
from taskfleet.controllers.pool_status import PoolSeen, pool_status
from taskfleet.resources.worker_deployment import TEMPLATE_HASH
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.demand import Want
from taskfleet.scaling.load import Limits, PoolLoad
from taskfleet.scaling.scale_plan import ScalePlan
from taskfleet.scaling.sizing import Cause, Sizing
from tests.unit.objects import of_type, pod, pool

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ROOT = 'container has runAsNonRoot and image will run as root (pod: "mail-1_shop", container: worker)'
QUOTA = (
    'pods "mail-worker-5d-" is forbidden: exceeded quota: team, requested: cpu=1, used: cpu=4, limited: cpu=4'
)


def deployment(template: str = "new", *, refusal: str | None = None, **status: Any) -> Object:
    failure = {"type": "ReplicaFailure", "status": "True", "message": refusal}
    told = {**status, **({} if refusal is None else {"conditions": [failure]})}
    return {"kind": "Deployment", "metadata": {"annotations": {TEMPLATE_HASH: template}}, "status": told}


def worker(name: str = "mail-1", template: str = "new", *, ready: bool = True, **status: Any) -> Object:
    conditions = [{"type": "Ready", "status": str(ready)}]
    made = pod(name, status={"conditions": conditions, **status}, creationTimestamp="2026-01-01T00:00:00Z")
    made["metadata"]["annotations"] = {TEMPLATE_HASH: template}
    return made


def refused(message: str) -> Object:
    waiting = {"reason": "CreateContainerConfigError", "message": message}
    status = {"name": "worker", "image": "a:1", "ready": False, "state": {"waiting": waiting}}
    return {"containerStatuses": [status]}


ROOT_POD = worker(ready=False, **refused(ROOT))
SECRET_POD = worker(ready=False, **refused('secret "a" not found'))


def seen(*pods: Object, spec: Object | None = None, generation: int = 3, **changes: Any) -> PoolSeen:
    """Two wanted pods that run, unless told otherwise."""
    raw = pool(meta={"generation": generation}, **({"replicas": 2} if spec is None else spec))
    parsed = WorkerPool.parse(raw)
    given = {"deployment": deployment(), "pods": list(pods) or [worker("a"), worker("b")]}
    return PoolSeen(parsed, **(given | changes))


def status(*pods: Object, **changes: Any) -> Object:
    return pool_status(seen(*pods, **changes), now=NOW)


def kstatus(told: Object, generation: int = 3) -> str:
    """What tools such as `kubectl wait`, Helm and Flux make of it (sigs.k8s.io/cli-utils, kstatus)."""
    verdicts = {condition["type"]: condition["status"] for condition in told["conditions"]}
    if told["observedGeneration"] != generation or verdicts["Reconciling"] == "True":
        return "InProgress"
    if verdicts["Stalled"] == "True":
        return "Failed"
    return "Current" if verdicts["Ready"] == "True" else "InProgress"


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        pytest.param(Cause.SCALE_UP_LIMIT, PoolReason.SCALE_UP_LIMIT, id="up"),
        pytest.param(Cause.SCALE_DOWN_LIMIT, PoolReason.SCALE_DOWN_LIMIT, id="down"),
    ],
)
def test_behavior_that_limits_the_size_is_told(cause: Cause, reason: PoolReason) -> None:
    verdict = Sizing(2, cause, "9 pods; 2 for now.", Want(9, 9, "9 pods"))
    decided = DecisionRecord(0.0, verdict, PoolLoad(Limits(1, 0, 20), replicas=2), ScalePlan(2))
    limited = of_type(status(spec={"autoscale": {"maxReplicas": 20}}, decided=decided), "ScalingLimited")
    assert (limited["status"], limited["reason"], limited["message"]) == (
        "True",
        reason,
        "9 pods; 2 for now.",
    )


def test_pods_that_cannot_tell_their_memory_are_named_where_it_counts() -> None:
    start = Incarnation("uid-of-mail", "a", "s")
    snapshot = BrokerSnapshot(0.0, {}, {start: LastReport(Report("ready"), 0.0)})
    notes = [
        status(spec={"replicas": 2, "recycle": recycle}, snapshot=snapshot)["notes"]
        for recycle in ({"maxMemory": "1Gi"}, {"maxAge": "24h"})
    ]
    assert notes == [
        ["The container's memory cannot be read, so recycle.maxMemory has no effect (1 of 1 pods)"],
        None,
    ]


@pytest.mark.parametrize(
    ("pods", "changes", "reason", "verdict"),
    [
        pytest.param([], {}, PoolReason.AVAILABLE, "Current", id="all-run"),
        pytest.param([worker()], {}, PoolReason.PODS_NOT_READY, "InProgress", id="one-is-missing"),
        pytest.param(
            [worker("a"), worker("b", ready=False)],
            {},
            PoolReason.PODS_NOT_READY,
            "InProgress",
            id="one-starts",
        ),
        pytest.param([worker()], {"spec": {}}, PoolReason.AVAILABLE, "Current", id="one-by-default"),
        pytest.param(
            [], {"spec": {"replicas": 0}, "pods": []}, PoolReason.SCALED_TO_ZERO, "Current", id="at-zero"
        ),
        pytest.param([], {"spec": {"suspend": True}}, PoolReason.SUSPENDED, "Current", id="suspended"),
        pytest.param(
            [worker("a", "old"), worker("b", "old")],
            {},
            PoolReason.PODS_NOT_READY,
            "InProgress",
            id="new-template-has-no-pod-yet",
        ),
        pytest.param(
            [worker("a"), worker("b"), worker("c", "old")],
            {},
            PoolReason.AVAILABLE,
            "InProgress",
            id="last-old-pod-goes",
        ),
        pytest.param([ROOT_POD], {}, PoolReason.IMAGE_RUNS_AS_ROOT, "Failed", id="root-image"),
        pytest.param([SECRET_POD], {}, PoolReason.SECRET_MISSING, "InProgress", id="secret-missing"),
        pytest.param(
            [worker("a", "old", ready=False, **refused(ROOT))],
            {},
            PoolReason.PODS_NOT_READY,
            "InProgress",
            id="trouble-that-the-new-spec-cured",
        ),
        pytest.param(
            [worker()],
            {"deployment": deployment(refusal=QUOTA)},
            PoolReason.POD_CREATION_FAILED,
            "InProgress",
            id="quota",
        ),
        pytest.param(
            [],
            {"broker_problem": "Broker 'a' is not ready."},
            PoolReason.BROKER_NOT_READY,
            "InProgress",
            id="broker-away",
        ),
        pytest.param(
            [],
            {"missing": (Reason.BROKER_MISSING, "Create it."), "deployment": None, "pods": []},
            Reason.BROKER_MISSING,
            "InProgress",
            id="no-broker",
        ),
        pytest.param(
            [],
            {"stalled": (Reason.NAME_CONFLICT, "Rename."), "deployment": None},
            Reason.NAME_CONFLICT,
            "Failed",
            id="name-conflict",
        ),
        pytest.param(
            [],
            {"missing": (Reason.APPLY_FAILED, "Later.")},
            Reason.APPLY_FAILED,
            "InProgress",
            id="refused-and-tried-again",
        ),
    ],
)
def test_verdict(pods: list[Object], changes: Any, reason: str, verdict: str) -> None:
    told = status(*pods, **changes)
    assert of_type(told, "Ready")["reason"] == reason
    assert kstatus(told) == verdict


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(
            {"stalled": (Reason.NAME_CONFLICT, "a")},
            {"missing": (Reason.BROKER_MISSING, "b")},
            Reason.NAME_CONFLICT,
            id="stalled-before-missing",
        ),
        pytest.param(
            {"missing": (Reason.BROKER_MISSING, "b")},
            {"pods": [SECRET_POD]},
            Reason.BROKER_MISSING,
            id="missing-before-pods",
        ),
        pytest.param(
            {"pods": [ROOT_POD]},
            {"missing": (Reason.APPLY_FAILED, "b")},
            PoolReason.IMAGE_RUNS_AS_ROOT,
            id="what-stalls-before-missing",
        ),
        pytest.param(
            {"pods": [SECRET_POD]},
            {"deployment": deployment(refusal=QUOTA)},
            PoolReason.SECRET_MISSING,
            id="pods-before-quota",
        ),
        pytest.param(
            {"deployment": deployment(refusal=QUOTA)},
            {"broker_problem": "c"},
            PoolReason.POD_CREATION_FAILED,
            id="quota-before-broker",
        ),
        pytest.param(
            {"broker_problem": "c"},
            {"pods": [worker(ready=False)]},
            PoolReason.BROKER_NOT_READY,
            id="broker-before-starting-pods",
        ),
    ],
)
def test_most_telling_reason_wins(first: Any, second: Any, expected: str) -> None:
    assert of_type(status(**first, **second), "Ready")["reason"] == expected


def test_change_of_size_never_reconciles() -> None:
    up = status(worker("a"), spec={"replicas": 20})
    down = status(worker("a"), worker("b"), spec={"replicas": 0})
    assert of_type(up, "Reconciling")["status"] == of_type(down, "Reconciling")["status"] == "False"


def test_rollout_reconciles_with_the_number_of_pods_left() -> None:
    told = of_type(status(worker("a"), worker("b", "old"), worker("c", "old")), "Reconciling")
    assert told["status"] == "True"
    assert told["message"] == "2 pods of the previous template are not replaced yet."


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, id="stopping"),
        pytest.param({"status": {"phase": "Failed"}}, id="evicted"),
    ],
)
def test_pod_that_goes_neither_counts_nor_holds_up_a_rollout(gone: dict[str, Object]) -> None:
    old, new = worker("old", "old"), worker("new")
    for part, changes in gone.items():
        old[part] |= changes
        new[part] |= changes
    told = status(worker("a"), worker("b"), old, new)
    assert kstatus(told) == "Current"
    assert of_type(status(worker("a"), new), "Ready")["status"] == "False"


def test_every_condition_is_of_this_generation_and_has_a_sentence() -> None:
    for condition in status(generation=7)["conditions"]:
        assert condition["observedGeneration"] == 7
        assert condition["message"]
        assert condition["reason"]


def test_kept_template_is_not_up_to_date_and_no_trouble() -> None:
    told = status(kept_template=True)
    assert of_type(told, "UpToDate")["status"] == "False"
    assert "kubectl taskfleet upgrade wp/mail" in of_type(told, "UpToDate")["message"]
    assert kstatus(told) == "Current"
    assert of_type(status(), "UpToDate")["status"] == "True"


def test_quota_limits_the_scaling_in_the_api_servers_words() -> None:
    limited = of_type(status(deployment=deployment(refusal=QUOTA)), "ScalingLimited")
    assert limited["status"] == "True"
    assert "exceeded quota: team" in limited["message"]
    assert of_type(status(), "ScalingLimited")["status"] == "False"


def test_ready_pods_are_those_that_the_condition_tells_of() -> None:
    told = status(
        worker("mail-1"),
        worker("mail-2", "old"),
        worker("mail-3", ready=False),
        deployment=deployment(replicas=4, readyReplicas=1),
    )
    assert (told["replicas"], told["readyReplicas"], told["desiredReplicas"]) == (4, 2, 2)


def test_scale_subresource_finds_the_pods_by_the_selector() -> None:
    labels = worker()["metadata"]["labels"]
    wanted = dict(pair.split("=") for pair in status()["selector"].split(","))
    assert wanted.items() <= labels.items()


@pytest.mark.parametrize(
    "spec", [pytest.param({"replicas": 0}, id="at-zero"), pytest.param({"suspend": True}, id="suspended")]
)
def test_pods_that_still_stop_are_not_denied(spec: Object) -> None:
    said = of_type(status(worker("a"), spec=spec), "Ready")["message"]
    assert "none runs" not in said
    assert "no pod runs" not in said


def test_status_is_the_same_for_the_same_sight() -> None:
    assert status(worker("a")) == status(worker("a"))


def test_a_rollout_that_somebody_else_began_is_reconciling() -> None:
    """As `kubectl rollout restart` does: our digest of the template is the same."""
    told = status(deployment=deployment(replicas=3, updatedReplicas=1))
    assert of_type(told, "Reconciling")["status"] == "True"
    assert of_type(told, "Reconciling")["message"].startswith("2 pods of the previous template")
    assert (
        of_type(status(deployment=deployment(replicas=3, updatedReplicas=3)), "Reconciling")["status"]
        == "False"
    )


def on_node(name: str, **conditions: Any) -> Object:
    """A pod whose node has taken its readiness away, or whose kubelet has."""
    stored = [{"type": kind, **fields} for kind, fields in conditions.items()]
    made = worker(name, conditions=stored)
    made["spec"] = {"nodeName": "node-1", "containers": []}
    return made


LOST = on_node("a", Ready={"status": "False"}, ContainersReady={"status": "True"})
STARTING = on_node(
    "b",
    Ready={"status": "False", "reason": "ContainersNotReady"},
    ContainersReady={"status": "False", "reason": "ContainersNotReady"},
)
GATED = on_node(
    "b", Ready={"status": "False", "reason": "ReadinessGatesNotReady"}, ContainersReady={"status": "True"}
)


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        pytest.param([LOST, worker("b")], "1 of 2 pods are ready; the nodes of 1 do not respond", id="lost"),
        pytest.param([LOST, STARTING], "a (node-1); the others are starting.", id="lost-and-starting"),
        pytest.param(
            [worker("a"), STARTING], "1 of 2 pods are ready; the others are starting.", id="starting"
        ),
        pytest.param([worker("a"), GATED], "1 of 2 pods are ready; the others are starting.", id="gated"),
    ],
)
def test_a_pod_on_a_lost_node_is_not_said_to_start(pods: list[Object], said: str) -> None:
    assert said in of_type(status(*pods), "Ready")["message"]
    if LOST in pods and STARTING not in pods:
        assert "starting" not in of_type(status(*pods), "Ready")["message"]
