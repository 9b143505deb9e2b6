"""What happens to the pods, as the pool's conditions and events tell it."""

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import apply_external
from tests.envtest.conditions import condition, events_of, wait_for_condition, warnings_of
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pods import ended, kubelet, not_ready, pods_of, ready, set_status, wait_for_pod, waiting
from tests.envtest.pools import wait_until_settled, worker_pool
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

URL = "redis://user:c4n4ry@redis.example:6379/0"

pytestmark = pytest.mark.usefixtures("shared_operator")


@pytest.fixture(scope="module")
def pool(
    kube: Kube, shared_namespace: str, redis_server: RedisServer, module_operator: OperatorProcess
) -> Object:
    """A pool of one, on a broker that answers."""
    assert module_operator.running
    apply_external(kube, shared_namespace, redis_server.url)
    return {**kube.apply(worker_pool(shared_namespace, replicas=1)), "kind": "WorkerPool"}


@pytest.mark.parametrize(
    ("state", "stalled", "reason", "sentence"),
    [
        pytest.param(
            {"state": waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/app:1"')},
            "False",
            "ImagePullFailed",
            "cannot pull image 'registry.example/app:1'",
            id="image-pull",
        ),
        pytest.param(
            {"state": waiting("ErrImageNeverPull", "Container image is not present")},
            "False",
            "ImagePullFailed",
            "Check the image name",
            id="image-never-pulled",
        ),
        pytest.param(
            {"container": "taskfleet", "init": True, "state": waiting("ErrImagePull", "not found")},
            "False",
            "ImagePullFailed",
            "cannot pull image",
            id="image-of-the-init-container",
        ),
        pytest.param(
            {"state": waiting("CreateContainerConfigError", 'secret "app-root" not found')},
            "False",
            "SecretMissing",
            'secret "app-root" not found. Create the object or the key, or correct the reference.',
            id="missing-secret",
        ),
        pytest.param(
            {"state": waiting("CreateContainerConfigError", "couldn't find key TOKEN in Secret t/app")},
            "False",
            "SecretMissing",
            "couldn't find key TOKEN",
            id="missing-key",
        ),
        pytest.param(
            {
                "state": waiting(
                    "CreateContainerConfigError", "container has runAsNonRoot and image will run as root"
                )
            },
            "True",
            "ImageRunsAsRoot",
            "Set a numeric USER in the image, or securityContext.runAsUser",
            id="root-image",
        ),
        pytest.param(
            {
                "state": waiting("CrashLoopBackOff", "back-off 20s"),
                "lastState": ended(1, "ModuleNotFoundError: No module named 'shop' (proj, line 3)"),
                "restartCount": 4,
            },
            "False",
            "AppFailed",
            "restarted 4 times: ModuleNotFoundError: No module named 'shop' (proj, line 3). See `kubectl logs ",
            id="app-that-cannot-be-imported",
        ),
        pytest.param(
            {"state": ended(137, reason="OOMKilled"), "restartCount": 1},
            "False",
            "AppFailed",
            "exit code 137 (OOMKilled)",
            id="out-of-memory",
        ),
    ],
)
def test_pod_that_cannot_work_is_told_with_what_to_do(  # noqa: PLR0917 - fixtures and the table's columns
    kube: Kube, pool: Object, state: Object, stalled: str, reason: str, sentence: str
) -> None:
    pod = wait_for_pod(kube, pool)
    set_status(kube, pod, not_ready(pod, **state))
    told = wait_for_condition(kube, pool, "Ready", "False", reason, saying=sentence)
    assert condition(told, "Stalled")["status"] == stalled
    wait_for(lambda: any(text.startswith(f"{reason}: ") for text in warnings_of(kube, pool)), 10)
    set_status(kube, pod, ready(pod))
    wait_for_condition(kube, pool, "Ready", "True", "Available")
    wait_for_condition(kube, pool, "Stalled", "False")


def test_url_in_the_last_words_of_a_pod_is_shown_nowhere(
    kube: Kube, pool: Object, module_operator: OperatorProcess
) -> None:
    pod = wait_for_pod(kube, pool)
    set_status(
        kube,
        pod,
        not_ready(
            pod,
            state=waiting("CrashLoopBackOff"),
            lastState=ended(1, f"OperationalError: cannot reach {URL} now"),
        ),
    )
    told = wait_for_condition(
        kube, pool, "Ready", "False", "AppFailed", saying="OperationalError: cannot reach now"
    )
    assert "c4n4ry" not in str(told["status"])
    wait_for(lambda: any("cannot reach now" in text for text in warnings_of(kube, pool)), 10, what="an event")
    assert "c4n4ry" not in str(events_of(kube, pool))
    assert "c4n4ry" not in module_operator.log() + module_operator.get("/metrics")[1]
    set_status(kube, pod, ready(pod))
    wait_for_condition(kube, pool, "Ready", "True", "Available")


def test_evicted_pod_that_lies_around_is_no_trouble(
    kube: Kube, namespace: str, redis_server: RedisServer
) -> None:
    apply_external(kube, namespace, redis_server.url)
    pool = {**kube.apply(worker_pool(namespace, replicas=1)), "kind": "WorkerPool"}
    evicted = wait_for_pod(kube, pool)
    status = not_ready(evicted, state=ended(137))
    set_status(kube, evicted, {**status, "phase": "Failed", "reason": "Evicted"})
    name = evicted["metadata"]["name"]
    successor = wait_for(
        lambda: [pod for pod in pods_of(kube, pool) if pod["metadata"]["name"] != name],
        20,
        what="a successor",
    )[0]
    set_status(kube, successor, ready(successor))
    wait_for_condition(kube, pool, "Ready", "True", "Available")
    assert kube.get("Pod", name, namespace) is not None


def test_pod_without_a_node_is_told_after_a_while_only(
    kube: Kube, namespace: str, redis_server: RedisServer
) -> None:
    apply_external(kube, namespace, redis_server.url)
    pool = {**kube.apply(worker_pool(namespace, replicas=1)), "kind": "WorkerPool"}
    wait_for_condition(kube, pool, "Ready", "False", "PodsNotReady", saying="0 of 1 pods are ready")
    stays(lambda: not warnings_of(kube, pool), 5, what="no warning yet")
    wait_for_condition(kube, pool, "Ready", "False", "Unschedulable", saying="no nodes available")


def test_refused_pods_are_told_in_the_api_servers_words(
    kube: Kube, namespace: str, redis_server: RedisServer
) -> None:
    metadata = {"name": "small", "namespace": namespace}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata,
        "spec": {"hard": {"pods": "1"}},
    }
    kube.request("POST", f"/api/v1/namespaces/{namespace}/resourcequotas", quota)

    def counted() -> bool:
        found = kube.request("GET", f"/api/v1/namespaces/{namespace}/resourcequotas/small")
        return bool(found.get("status", {}).get("hard"))

    wait_for(counted, 20, what="a quota that counts")
    apply_external(kube, namespace, redis_server.url)
    pool = {**kube.apply(worker_pool(namespace, replicas=2)), "kind": "WorkerPool"}
    with kubelet(kube, namespace):
        told = wait_for_condition(
            kube, pool, "Ready", "False", "PodCreationFailed", saying="exceeded quota: small"
        )
        assert condition(told, "ScalingLimited")["status"] == "True"
        kube.request("DELETE", f"/api/v1/namespaces/{namespace}/resourcequotas/small")
        # The ReplicaSet's own back-off grows; another size makes it look again.
        kube.scale("WorkerPool", "shop", namespace, 3)
        wait_for_condition(kube, pool, "Ready", "True", "Available")
    assert condition(wait_until_settled(kube, pool), "ScalingLimited")["status"] == "False"
