"""The volumes of a worker pod: one for the runtime that the init container brings, one for /tmp, and certificates."""

from taskfleet.api import Object
from taskfleet.resources.broker_connection import connection_volume_mounts, connection_volumes
from taskfleet.resources.context import BrokerBinding

RUNTIME_VOLUME = "taskfleet"
RUNTIME_PATH = "/taskfleet"
TMP_VOLUME = "tmp"

# The cluster-autoscaler keeps a node whose pods have local volumes, unless they are named here.
SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"


def worker_volumes(broker: BrokerBinding) -> list[Object]:
    return [
        {"name": RUNTIME_VOLUME, "emptyDir": {}},
        {"name": TMP_VOLUME, "emptyDir": {}},
        *connection_volumes(broker),
    ]


def worker_volume_mounts(broker: BrokerBinding) -> list[Object]:
    return [
        {"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH, "readOnly": True},
        {"name": TMP_VOLUME, "mountPath": "/tmp"},  # noqa: S108 - a mount of its own
        *connection_volume_mounts(broker),
    ]


def safe_to_evict(users: str | None) -> str:
    """The value of the annotation: the volumes that the user names, and ours."""
    names = [name.strip() for name in (users or "").split(",") if name.strip()]
    return ",".join([*names, *(name for name in (RUNTIME_VOLUME, TMP_VOLUME) if name not in names)])
