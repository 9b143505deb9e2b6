"""TaskQueues for tests."""

from typing import Any

from taskfleet.api import Object


def task_queue(namespace: str, name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "taskfleet.dev/v1alpha1",
        "kind": "TaskQueue",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
