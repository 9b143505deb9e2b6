"""Statuses as kubelets and schedulers write them (Kubernetes 1.34, containerd), and what the user is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskfleet.api import Object
from taskfleet.api.reasons import PoolReason
from taskfleet.api.stored import is_ready
from taskfleet.controllers.pod_trouble import Trouble, alive, clean, patience, trouble
from tests.unit.objects import pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NO_NODE = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available"


def at(seconds: float) -> str:
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(name: str = "worker", **status: Any) -> Object:
    return {
        "name": name,
        "image": "registry.test/app:1",
        "ready": False,
        "restartCount": 0,
        "state": {},
    } | status


def waiting(reason: str, message: str = "", **status: Any) -> Object:
    return container(state={"waiting": {"reason": reason, "message": message}}, **status)


def ended(code: int, message: str = "", reason: str = "Error") -> Object:
    return {"terminated": {"exitCode": code, "message": message, "reason": reason}}


def crashing(
    code: int = 1, message: str = "", *, times: int = 3, reason: str = "Error", **status: Any
) -> Object:
    back_off = {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}
    }
    return container(state=back_off, lastState=ended(code, message, reason), restartCount=times, **status)


def worker_pod(*containers: Object, name: str = "mail-1", created: float = 0, **changes: Any) -> Object:
    spec = {"containers": [{"name": "worker"}, {"name": "sidecar", "terminationMessagePolicy": "File"}]}
    made = pod(
        name,
        status={"phase": "Pending", "containerStatuses": list(containers)},
        creationTimestamp=at(created),
    )
    return {**made, "spec": spec} | changes


def unscheduled(since: float, message: str = NO_NODE) -> Object:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": at(since),
    }
    return pod(status={"phase": "Pending", "conditions": [condition]}, creationTimestamp=at(since))


def ready(obj: Object) -> Object:
    return {**obj, "status": {**obj["status"], "conditions": [{"type": "Ready", "status": "True"}]}}


def found(*pods: Object) -> Trouble | None:
    return trouble(pods, now=NOW)


def reason(*pods: Object) -> PoolReason | None:
    told = found(*pods)
    return None if told is None else told.reason


def message(*pods: Object) -> str:
    told = found(*pods)
    assert told is not None
    return told.message


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(waiting("ContainerCreating"), None, id="starting"),
        pytest.param(waiting("PodInitializing"), None, id="waiting-for-its-init-container"),
        pytest.param(waiting("ErrImagePull", "not found"), PoolReason.IMAGE_PULL_FAILED, id="no-such-image"),
        pytest.param(waiting("ImagePullBackOff"), PoolReason.IMAGE_PULL_FAILED, id="image-pull-back-off"),
        pytest.param(waiting("InvalidImageName"), PoolReason.IMAGE_PULL_FAILED, id="image-name-nonsense"),
        pytest.param(waiting("ErrImageNeverPull"), PoolReason.IMAGE_PULL_FAILED, id="image-not-on-the-node"),
        pytest.param(
            waiting(
                "CreateContainerConfigError",
                'container has runAsNonRoot and image will run as root (pod: "mail-1_shop(4b7c)", container: worker)',
            ),
            PoolReason.IMAGE_RUNS_AS_ROOT,
            id="image-runs-as-root",
        ),
        pytest.param(
            waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
            ),
            PoolReason.IMAGE_RUNS_AS_ROOT,
            id="image-names-its-user",
        ),
        pytest.param(
            waiting(
                "CreateContainerConfigError",
                'container\'s runAsUser breaks non-root policy (pod: "mail-1_shop(4b7c)", container: worker)',
            ),
            PoolReason.IMAGE_RUNS_AS_ROOT,
            id="template-asks-for-root",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "default-broker-connection" not found'),
            PoolReason.SECRET_MISSING,
            id="secret-missing",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "root-credentials" not found'),
            PoolReason.SECRET_MISSING,
            id="secret-with-root-in-its-name",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'configmap "app" not found'),
            PoolReason.SECRET_MISSING,
            id="configmap-missing",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", "couldn't find key url in Secret shop/redis"),
            PoolReason.SECRET_MISSING,
            id="key-missing",
        ),
        pytest.param(
            waiting(
                "RunContainerError",
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create"
                ' failed: unable to start container process: exec: "pyton": executable file not found in $PATH: unknown',
            ),
            PoolReason.APP_FAILED,
            id="interpreter-missing",
        ),
        pytest.param(
            waiting(
                "CreateContainerError", "failed to create container: mkdir /var/lib/rootfs: no space left"
            ),
            PoolReason.APP_FAILED,
            id="rootfs-is-not-root",
        ),
        pytest.param(crashing(1), PoolReason.APP_FAILED, id="crash-loop"),
        pytest.param(crashing(0), PoolReason.APP_FAILED, id="loop-of-clean-ends"),
        pytest.param(container(state=ended(1)), PoolReason.APP_FAILED, id="first-end"),
        pytest.param(container(state=ended(0, reason="Completed")), None, id="one-clean-end"),
        pytest.param(
            container(state={"running": {}}, lastState=ended(1), restartCount=4),
            PoolReason.APP_FAILED,
            id="running-again-and-not-ready-yet",
        ),
        pytest.param(
            container(state={"running": {}}, lastState=ended(1), restartCount=4, ready=True),
            None,
            id="recovered",
        ),
    ],
)
def test_reason(status: Object, expected: PoolReason | None) -> None:
    assert reason(worker_pod(status)) == expected


@pytest.mark.parametrize(
    ("status", "stalls"),
    [
        pytest.param(
            waiting("CreateContainerConfigError", "container has runAsNonRoot"), True, id="root-image"
        ),
        pytest.param(waiting("CreateContainerConfigError", 'secret "a" not found'), False, id="secret"),
        pytest.param(waiting("ImagePullBackOff"), False, id="image-pull"),
        pytest.param(crashing(), False, id="crash"),
    ],
)
def test_only_what_a_change_of_the_spec_cures_stalls(status: Object, stalls: bool) -> None:
    told = found(worker_pod(status))
    assert told is not None
    assert told.stalls is stalls


def test_image_pull_names_the_pod_and_the_image_and_what_to_do() -> None:
    assert message(worker_pod(waiting("ErrImagePull", "manifest unknown"))) == (
        "Pod mail-1 cannot pull image 'registry.test/app:1': manifest unknown. Check the image "
        "name, the registry and the pull secrets."
    )


def test_root_image_is_told_with_the_field_to_set() -> None:
    said = message(worker_pod(waiting("CreateContainerConfigError", "container has runAsNonRoot")))
    assert "runAsUser" in said
    assert "'worker' runs as root" in said


def test_crash_quotes_the_last_words_and_where_to_read_on() -> None:
    words = "ModuleNotFoundError: No module named 'proj' (proj/celery.py, line 3)"
    assert message(worker_pod(crashing(1, words))) == (
        f"Container 'worker' of pod mail-1 ended, restarted 3 times: {words}. See `kubectl logs mail-1 -c worker --previous`."
    )


def test_crash_without_words_tells_the_exit_code() -> None:
    assert "exit code 137 (OOMKilled)" in message(worker_pod(crashing(137, reason="OOMKilled")))


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(
            crashing(1, "OperationalError: redis://:hunter2@host:6379/0 refused"), id="in-last-words"
        ),
        pytest.param(
            waiting("ErrImagePull", 'Head "https://user:hunter2@registry.test/v2": 401'), id="of-a-registry"
        ),
        pytest.param(
            waiting("CreateContainerConfigError", "amqp://u:hunter2@h not found"), id="of-a-refusal"
        ),
        pytest.param(crashing(1, "hunter2", name="sidecar"), id="of-a-sidecar-that-may-write-anything"),
    ],
)
def test_url_or_foreign_text_is_never_quoted(status: Object) -> None:
    assert "hunter2" not in message(worker_pod(status))


def test_tail_of_a_log_is_never_quoted() -> None:
    spec = {"containers": [{"name": "worker", "terminationMessagePolicy": "FallbackToLogsOnError"}]}
    assert "hunter2" not in message(worker_pod(crashing(1, "password is hunter2"), spec=spec))


def test_trouble_of_an_init_container_is_told() -> None:
    init = waiting("ImagePullBackOff", name="taskfleet", image="registry.test/taskfleet-worker:9")
    status = {
        "phase": "Pending",
        "initContainerStatuses": [init],
        "containerStatuses": [waiting("PodInitializing")],
    }
    assert "taskfleet-worker:9" in message(pod(status=status))


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param({"metadata": {"deletionTimestamp": at(0)}}, id="being-deleted"),
        pytest.param({"status": {"phase": "Failed", "reason": "Evicted"}}, id="evicted"),
        pytest.param({"status": {"phase": "Succeeded"}}, id="ended"),
    ],
)
def test_pod_that_is_replaced_anyway_is_no_trouble(gone: dict[str, Object]) -> None:
    broken = worker_pod(crashing())
    for part, changes in gone.items():
        broken[part] = broken[part] | changes
    assert found(broken) is None
    assert not alive(broken)


def test_ready_pod_is_no_trouble_whatever_one_of_its_containers_does() -> None:
    assert found(ready(worker_pod(crashing(name="done")))) is None


def test_newest_pod_in_trouble_is_the_one_that_is_told() -> None:
    old = worker_pod(waiting("ImagePullBackOff"), name="old", created=-100)
    new = worker_pod(crashing(), name="new", created=-50)
    fine = ready(worker_pod(name="fine", created=-10))
    assert reason(old, new, fine) == PoolReason.APP_FAILED


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        pytest.param(-9, None, id="a-moment-is-normal"),
        pytest.param(-10, PoolReason.UNSCHEDULABLE, id="ten-seconds-are-not"),
        pytest.param(-3600, PoolReason.UNSCHEDULABLE, id="for-an-hour"),
    ],
)
def test_pod_without_a_node_is_trouble_after_a_while(since: float, expected: PoolReason | None) -> None:
    assert reason(unscheduled(since)) == expected


def test_unschedulable_pod_quotes_the_scheduler() -> None:
    assert message(unscheduled(-60)) == f"Pod mail-1 cannot be scheduled: {NO_NODE}"


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([worker_pod(crashing())], None, id="a-pod-with-a-node"),
        pytest.param([unscheduled(-4)], 6, id="one"),
        pytest.param([unscheduled(-2), unscheduled(-7)], 3, id="the-first-of-two"),
        pytest.param([unscheduled(-60)], None, id="told-already"),
    ],
)
def test_patience(pods: list[Object], expected: float | None) -> None:
    assert patience(pods, now=NOW) == expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param(None, False, id="none"),
        pytest.param([{"type": "Ready", "status": "False"}], False, id="no"),
        pytest.param([{"type": "Ready", "status": "True"}], True, id="yes"),
    ],
)
def test_is_ready(conditions: list[Object] | None, expected: bool) -> None:
    assert is_ready({"status": {"conditions": conditions}}) is expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param("  a\n  b\tc ", "a b c", id="one-line"),
        pytest.param("see https://x/y now", "see now", id="no-url"),
        pytest.param("url='redis://:p@h' failed", "failed", id="nor-what-hangs-on-it"),
        pytest.param("x" * 400, "x" * 297 + "...", id="bounded"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_clean(said: str, expected: str) -> None:
    assert clean(said) == expected
