"""The init container that brings our runtime into a pod of any image."""

from taskfleet.api import Object
from taskfleet.resources.context import Installation
from taskfleet.resources.security import locked_down_container
from taskfleet.resources.volumes import RUNTIME_PATH, RUNTIME_VOLUME

INIT_CONTAINER = "taskfleet"


def runtime_init_container(installation: Installation) -> Object:
    """Copies the runtime into the pod, so that it works in every image."""
    return {
        "name": INIT_CONTAINER,
        "image": installation.runtime_image,
        "imagePullPolicy": installation.image_pull_policy,
        "command": ["cp", "-r", "/opt/taskfleet/.", f"{RUNTIME_PATH}/"],
        "securityContext": locked_down_container(),
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "500m", "memory": "64Mi"},
        },
        "volumeMounts": [{"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}],
    }
