"""Other people's objects under a child's name, and other people's changes to a child."""

import copy
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.resources.labels import MANAGED
from tests.envtest.brokers import broker, secret
from tests.envtest.conditions import condition, events_of, wait_for_condition, warnings_of
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pools import image, wait_for_deployment, wait_until_settled, worker_pool
from tests.tools.kube import TYPES, Kube
from tests.tools.waiting import wait_for

LABELS = {"app": "theirs"}
TEMPLATE = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "theirs", "image": "registry.example/theirs:1"}]},
}

pytestmark = pytest.mark.usefixtures("shared_operator")


def foreign(kind: str, name: str, namespace: str) -> Object:
    """Somebody else's object."""
    selector = {"selector": {"matchLabels": LABELS}}
    content: dict[str, Object] = {
        "Deployment": {"spec": {**selector, "replicas": 0, "template": TEMPLATE}},
        "StatefulSet": {"spec": {**selector, "replicas": 0, "serviceName": "x", "template": TEMPLATE}},
        "PodDisruptionBudget": {"spec": {**selector, "maxUnavailable": 1}},
        "Service": {"spec": {"selector": LABELS, "ports": [{"port": 80}]}},
        "ConfigMap": {"data": {"redis.conf": "theirs"}},
        "Secret": {"data": secret("", "", password="theirs")["data"]},
    }
    metadata = {"name": name, "namespace": namespace, "labels": LABELS}
    return {"apiVersion": TYPES[kind].api_version, "kind": kind, "metadata": metadata, **content[kind]}


def untouched(obj: Object) -> Object:
    """What only its owner changes: all but what controllers of the cluster note."""
    rest = {field: value for field, value in obj.items() if field not in ("kind", "apiVersion", "status")}
    metadata = {
        field: value
        for field, value in obj["metadata"].items()
        if field not in ("resourceVersion", "managedFields", "annotations", "generation")
    }
    managers = sorted(
        {entry["manager"] for entry in obj["metadata"]["managedFields"]} - {"kube-controller-manager"}
    )
    return {**rest, "metadata": metadata, "managers": managers}


@pytest.mark.parametrize(
    ("kind", "name", "owner"),
    [
        pytest.param("Deployment", "shop-worker", "WorkerPool", id="Deployment"),
        pytest.param("PodDisruptionBudget", "shop-worker", "WorkerPool", id="PodDisruptionBudget"),
        pytest.param("StatefulSet", "default-broker", "Broker", id="StatefulSet"),
        pytest.param("Service", "default-broker", "Broker", id="Service"),
        pytest.param("ConfigMap", "default-broker", "Broker", id="ConfigMap"),
        pytest.param("Secret", "default-broker-connection", "Broker", id="connection-Secret"),
        pytest.param("Secret", "default-broker-auth", "Broker", id="password-Secret"),
    ],
)
def test_object_of_somebody_else_is_left_alone_and_waited_for(
    kube: Kube, namespace: str, kind: str, name: str, owner: str
) -> None:
    theirs = kube.create(foreign(kind, name, namespace))
    kube.apply(worker_pool(namespace, replicas=2))
    subject = {
        "kind": owner,
        "metadata": {"name": "shop" if owner == "WorkerPool" else "default", "namespace": namespace},
    }
    sentence = (
        f"{kind} '{name}' already exists and does not belong to this object: it has no label "
        f"{MANAGED}=true. Rename the "
    )
    stalled = wait_for_condition(kube, subject, "Stalled", "True", "NameConflict", saying=sentence)
    assert condition(stalled, "Ready")["reason"] == "NameConflict"
    assert untouched(kube.get(kind, name, namespace) or {}) == untouched(theirs)

    kube.delete(kind, name, namespace)
    wait_for_condition(kube, subject, "Stalled", "False", timeout=15)
    ours = kube.get(kind, name, namespace) or {}
    assert ours["metadata"]["labels"]["taskfleet.dev/managed"] == "true"


@pytest.fixture(scope="module")
def fleet(kube: Kube, shared_namespace: str, module_operator: OperatorProcess) -> Object:
    """One pool for all tests that put back, with all its children and its Broker's."""
    assert module_operator.running
    pool = {**kube.apply(worker_pool(shared_namespace, replicas=2)), "kind": "WorkerPool"}
    wait_for_deployment(kube, pool, replicas=2, image="registry.example/app:1")
    wait_for(lambda: kube.get("StatefulSet", "default-broker", shared_namespace), 30, what="the StatefulSet")
    wait_until_settled(kube, pool)
    return pool


def worker(**fields: Any) -> Object:
    """A merge patch of the worker's whole container list would lose the rest, so tests patch strategically."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "worker", **fields}]}}}}


def strategic(kube: Kube, kind: str, name: str, namespace: str, body: Object) -> None:
    """As `kubectl patch` does it by default, and much as `kubectl edit` and `kubectl set` do."""
    kube.request(
        "PATCH",
        TYPES[kind].path(namespace, name),
        body,
        content_type="application/strategic-merge-patch+json",
        query={"fieldManager": "somebody"},
    )


PORT = {"name": "redis", "port": 6380, "targetPort": 6380, "protocol": "TCP"}
OWNED = [
    pytest.param("Deployment", "shop-worker", worker(image="registry.example/other:1"), id="image"),
    pytest.param("Deployment", "shop-worker", worker(command=["sleep", "1"]), id="command"),
    pytest.param(
        "Deployment",
        "shop-worker",
        worker(env=[{"name": "CELERY_BROKER_URL", "value": "redis://other", "valueFrom": None}]),
        id="owned-variable",
    ),
    pytest.param(
        "Deployment",
        "shop-worker",
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}},
        id="grace-period",
    ),
    pytest.param("Deployment", "shop-worker", {"spec": {"paused": True}}, id="paused"),
    pytest.param(
        "Deployment",
        "shop-worker",
        {"metadata": {"labels": {"taskfleet.dev/managed": None, "taskfleet.dev/pool": "other"}}},
        id="Deployment-labels",
    ),
    pytest.param(
        "Deployment", "shop-worker", {"metadata": {"ownerReferences": [{"$patch": "replace"}]}}, id="owner"
    ),
    pytest.param("PodDisruptionBudget", "shop-worker", {"spec": {"maxUnavailable": 2}}, id="budget"),
    pytest.param(
        "PodDisruptionBudget",
        "shop-worker",
        {"metadata": {"labels": {"taskfleet.dev/pool": None}}},
        id="budget-labels",
    ),
    *(
        pytest.param(kind, name, {"metadata": {"labels": {MANAGED: None}}}, id=f"{kind}-out-of-the-watch")
        for kind, name in (
            ("Deployment", "shop-worker"),
            ("PodDisruptionBudget", "shop-worker"),
            ("ConfigMap", "default-broker"),
            ("Service", "default-broker"),
            ("StatefulSet", "default-broker"),
        )
    ),
    pytest.param("ConfigMap", "default-broker", {"data": {"redis.conf": "port 1"}}, id="ConfigMap-data"),
    pytest.param(
        "Service", "default-broker", {"spec": {"ports": [{"$patch": "replace"}, PORT]}}, id="Service-port"
    ),
    pytest.param("Service", "default-broker", {"spec": {"selector": {"app": "x"}}}, id="Service-selector"),
    pytest.param("StatefulSet", "default-broker", {"spec": {"replicas": 0}}, id="StatefulSet-size"),
    pytest.param(
        "Secret",
        "default-broker-connection",
        {"data": secret("", "", url="redis://other")["data"]},
        id="connection-Secret",
    ),
]


def at_rest(kube: Kube, kind: str, name: str, namespace: str) -> Object:
    """Once no controller writes to it any more: its next version is the test's."""
    versions: list[str] = []

    def so() -> Object | None:
        live = kube.get(kind, name, namespace) or {}
        versions.append(live["metadata"]["resourceVersion"])
        return live if versions[-10:] == versions[-1:] * 10 else None

    return wait_for(so, 30, what=f"{kind} {name} at rest") or {}


@pytest.mark.parametrize(("kind", "name", "change"), OWNED)
def test_change_of_a_field_that_the_operator_owns_is_put_back(
    kube: Kube, fleet: Object, kind: str, name: str, change: Object
) -> None:
    namespace = fleet["metadata"]["namespace"]
    before = ours(at_rest(kube, kind, name, namespace))
    strategic(kube, kind, name, namespace, change)
    wait_for(lambda: ours(kube.get(kind, name, namespace) or {}) == before, 15, what="the old state")
    assert condition(wait_until_settled(kube, fleet), "Stalled")["status"] == "False"


def test_what_is_put_back_is_told_with_who_changed_it(kube: Kube, namespace: str) -> None:
    pool = {**kube.apply(worker_pool(namespace, replicas=2)), "kind": "WorkerPool"}
    wait_for_deployment(kube, pool, replicas=2, image="registry.example/app:1")
    wait_for(lambda: not wait_for_deployment(kube, pool)["spec"].get("paused"), 15, what="more than the seed")
    strategic(kube, "Deployment", "shop-worker", namespace, worker(image="registry.example/other:1"))
    field = "spec.template.spec.containers[0].image of Deployment 'shop-worker'"
    wait_for(
        lambda: (
            f"ChangeReverted: 'somebody' (Update) changed {field}, and the operator reverted it."
            in "".join(warnings_of(kube, pool))
        ),
        15,
        what="an event",
    )
    assert image(wait_for_deployment(kube, pool)) == "registry.example/app:1"
    assert not [one for one in events_of(kube, pool) if one["reason"] == "FieldOverridden"]


def ours(obj: Object) -> Object:
    """What can be compared before and after: no versions, no clocks, no notes of the cluster's controllers."""
    copied = copy.deepcopy(obj)
    for field in ("resourceVersion", "generation", "managedFields"):
        copied["metadata"].pop(field, None)
    copied["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    copied.pop("status", None)
    return copied


def test_change_of_what_the_operator_does_not_own_is_left_alone(kube: Kube, fleet: Object) -> None:
    namespace = fleet["metadata"]["namespace"]
    marks = {"labels": {"team": "shop"}, "annotations": {"example.com/note": "theirs"}}
    theirs = worker(env=[{"name": "THEIRS", "value": "1"}])
    theirs["metadata"] = marks
    theirs["spec"]["minReadySeconds"] = 3
    theirs["spec"]["template"]["metadata"] = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    strategic(kube, "Deployment", "shop-worker", namespace, theirs)
    strategic(kube, "Service", "default-broker", namespace, {"metadata": marks})
    strategic(kube, "ConfigMap", "default-broker", namespace, {"data": {"theirs.conf": "x"}})
    # A change of ours goes over it, so that the operator has looked at theirs.
    kube.patch("WorkerPool", "shop", namespace, {"spec": {"image": "registry.example/app:2"}})
    deployment = wait_for_deployment(kube, fleet, image="registry.example/app:2")
    for one in (deployment, kube.get("Service", "default-broker", namespace) or {}):
        assert one["metadata"]["labels"]["team"] == "shop"
        assert one["metadata"]["annotations"]["example.com/note"] == "theirs"
    pod = deployment["spec"]["template"]
    assert {"name": "THEIRS", "value": "1"} in pod["spec"]["containers"][0]["env"]
    assert pod["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] == "now"
    assert deployment["spec"]["minReadySeconds"] == 3
    assert image(deployment) == "registry.example/app:2"
    assert (kube.get("ConfigMap", "default-broker", namespace) or {})["data"]["theirs.conf"] == "x"


def test_what_a_restore_has_left_without_owners_is_adopted_by_the_next_of_the_name(
    kube: Kube, namespace: str, shared_operator: OperatorProcess
) -> None:
    """As after `--cascade=orphan`, which the garbage collector does by what it has heard of until then."""
    pool = {**kube.apply(worker_pool(namespace, replicas=2)), "kind": "WorkerPool"}
    wait_for_deployment(kube, pool, replicas=2)
    wait_until_settled(kube, pool)
    children = {
        ("Deployment", "shop-worker"),
        ("PodDisruptionBudget", "shop-worker"),
        ("StatefulSet", "default-broker"),
        ("Service", "default-broker"),
        ("ConfigMap", "default-broker"),
        ("Secret", "default-broker-connection"),
    }
    wait_for(lambda: all(kube.get(*child, namespace) for child in children), 30, what="all children")
    uids = {child: (kube.get(*child, namespace) or {})["metadata"]["uid"] for child in children}
    shared_operator.terminate()
    for kind, name in children:
        kube.patch(kind, name, namespace, {"metadata": {"ownerReferences": None}})
    for kind, name in (("WorkerPool", "shop"), ("Broker", "default")):
        kube.delete(kind, name, namespace)
        wait_for(lambda kind=kind, name=name: kube.get(kind, name, namespace) is None, 30, what=f"no {kind}")  # type: ignore[misc]
    kube.apply(broker(namespace))
    kube.apply(worker_pool(namespace, replicas=2))
    shared_operator.start()

    def adopted() -> bool:
        live = {child: kube.get(*child, namespace) for child in children}
        return all(one and one["metadata"].get("ownerReferences") for one in live.values())

    wait_for(adopted, 60, what="owner references")
    assert {child: (kube.get(*child, namespace) or {})["metadata"]["uid"] for child in children} == uids
    assert (condition(kube.get("WorkerPool", "shop", namespace) or {}, "Stalled"))["status"] == "False"
