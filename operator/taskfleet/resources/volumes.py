"""The volumes of a worker pod: one for the runtime that the init container brings, one for /tmp where the root file
system is read-only, certificates, and the parts of addresses."""

from taskfleet.api import Object, ResultBackend
from taskfleet.resources.broker_connection import connection_volume_mounts, connection_volumes
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.result_backend import results_volume_mounts, results_volumes

RUNTIME_VOLUME = "taskfleet"
RUNTIME_PATH = "/taskfleet"
TMP_VOLUME = "tmp"
_TMP: Object = {"name": TMP_VOLUME, "emptyDir": {}}
_TMP_MOUNT: Object = {"name": TMP_VOLUME, "mountPath": "/tmp"}  # noqa: S108 - a mount of its own

# The cluster-autoscaler keeps a node whose pods have local volumes, unless they are named here.
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"


def worker_volumes(broker: BrokerBinding, results: ResultBackend | None = None) -> list[Object]:
    return [
        {"name": RUNTIME_VOLUME, "emptyDir": {}},
        _TMP,
        *connection_volumes(broker),
        *results_volumes(results),
    ]


def worker_volume_mounts(broker: BrokerBinding, results: ResultBackend | None = None) -> list[Object]:
    return [
        {"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH, "readOnly": True},
        _TMP_MOUNT,
        *connection_volume_mounts(broker),
        *results_volume_mounts(results),
    ]


def with_tmp_if_needed(spec: Object, container: str, users: Object) -> Object:
    """A pod's spec without our /tmp where the image's own is writable and the user's template does not name the volume.

    An empty directory would hide what the image has there.
    """
    (worker,) = (one for one in spec["containers"] if one["name"] == container)
    if (worker.get("securityContext") or {}).get("readOnlyRootFilesystem") or _names_tmp(users):
        return spec
    left = [mount for mount in worker["volumeMounts"] if mount != _TMP_MOUNT]
    changed = {**worker, "volumeMounts": left}
    return {
        **spec,
        "containers": [changed if one is worker else one for one in spec["containers"]],
        "volumes": [volume for volume in spec["volumes"] if volume != _TMP],
    }


def _names_tmp(template: Object) -> bool:
    spec = template.get("spec") or {}
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    named = [
        *(spec.get("volumes") or []),
        *(each for one in containers for each in one.get("volumeMounts") or []),
    ]
    return any(each.get("name") == TMP_VOLUME for each in named)


def safe_to_evict(users: str | None, volumes: list[Object]) -> str:
    """The value of the annotation: the volumes that the user names, and ours."""
    names = [name.strip() for name in (users or "").split(",") if name.strip()]
    ours = [volume["name"] for volume in volumes if volume["name"] in (RUNTIME_VOLUME, TMP_VOLUME)]
    return ",".join([*names, *(name for name in ours if name not in names)])
