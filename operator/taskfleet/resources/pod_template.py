"""The pod template of a worker: what the operator builds, the user's template over it, and what stays ours."""

from taskfleet.api import Object, WorkerPool
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.labels import child_labels
from taskfleet.resources.probes import PROBE_PORT
from taskfleet.resources.security import locked_down_container, restricted_pod
from taskfleet.resources.user_template import Owned, with_user_template
from taskfleet.resources.volumes import (
    RUNTIME_PATH,
    RUNTIME_VOLUME,
    SAFE_TO_EVICT,
    safe_to_evict,
    worker_volumes,
)
from taskfleet.resources.worker_container import CONTAINER, OWNED_VARIABLES, worker_container

COMPONENT = "worker"
_INIT_CONTAINER = "taskfleet"
_RUNTIME_USER = 65532  # the user of the runtime image

_OWNED = Owned(
    container=CONTAINER,
    container_fields=frozenset({"command", "args", "readinessProbe", "livenessProbe", "startupProbe"}),
    # The command needs its mount, the arguments their variables, the probes their port.
    container_entries={
        "volumeMounts": frozenset({RUNTIME_PATH}),
        "env": OWNED_VARIABLES,
        "ports": frozenset({PROBE_PORT}),
    },
    pod_fields=frozenset({"terminationGracePeriodSeconds"}),
    pod_entries={"initContainers": frozenset({_INIT_CONTAINER}), "volumes": frozenset({RUNTIME_VOLUME})},
)


def worker_pod_template(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    """The complete template. Raises SpecError for a user's template that cannot be merged."""
    built = _built(pool, broker, installation)
    template = with_user_template(built, pool.spec.template, owned=_OWNED, path="spec.template")
    annotations = template["metadata"].get("annotations") or {}
    annotations = {**annotations, SAFE_TO_EVICT: safe_to_evict(annotations.get(SAFE_TO_EVICT))}
    return {**template, "metadata": {**template["metadata"], "annotations": annotations}}


def _built(pool: WorkerPool, broker: BrokerBinding, installation: Installation) -> Object:
    return {
        "metadata": {"labels": child_labels(pool, COMPONENT)},
        "spec": {
            "initContainers": [_init_container(installation)],
            "containers": [worker_container(pool, broker, installation)],
            "volumes": worker_volumes(),
            "securityContext": restricted_pod(),
            # Variables of every Service would reach the app, and one named like a setting of its own breaks it.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": int(pool.spec.effective_grace_period.total_seconds()),
        },
    }


def _init_container(installation: Installation) -> Object:
    """Copies the runtime into the pod, so that it works in every image."""
    return {
        "name": _INIT_CONTAINER,
        "image": installation.runtime_image,
        "imagePullPolicy": installation.image_pull_policy,
        "command": ["cp", "-r", "/opt/taskfleet/.", f"{RUNTIME_PATH}/"],
        # Its own user, so that a pod that is made to run as root changes nothing here.
        "securityContext": {**locked_down_container(), "runAsUser": _RUNTIME_USER},
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "500m", "memory": "64Mi"},
        },
        "volumeMounts": [{"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}],
    }
