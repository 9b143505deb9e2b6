"""The load of the chaos test: pools of short and long tasks, a schedule, and a pod that sends by chance."""

from taskfleet.api import Object
from tests.e2e.chaos.ledger import Ledger
from tests.e2e.fleet import Fleet, client

_NODE_NAME = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
_ENVIRONMENT = [{"name": "PYTHONPATH", "value": "/e2e"}, _NODE_NAME]
_SENDER = "sender"
# Every object whose state is asked for afterwards.
OBJECTS = (
    ("WorkerPool", "short"),
    ("WorkerPool", "long"),
    ("Broker", "default"),
    ("TaskQueue", "short"),
    ("PeriodicSchedule", "tick"),
)


def start(fleet: Fleet, seed: int, seconds: float) -> None:
    """Return when the pools are ready and tasks are being sent, which ends after `seconds`."""
    base = {"app": "chaos_app", "env": _ENVIRONMENT}
    fleet.pool(
        "short",
        queues=["short"],
        concurrency=2,
        autoscale={
            "minReplicas": 1,
            "maxReplicas": 3,
            "behavior": {"scaleDown": {"stabilizationWindow": "10s"}},
        },
        **base,
    )
    fleet.pool("long", queues=["long"], pool="threads", concurrency=2, replicas=2, **base)
    fleet.kubectl.apply(_object("TaskQueue", "short", {}))
    schedule = {"task": "chaos_app.tick", "interval": "5s", "queue": "short"}
    fleet.kubectl.apply(_object("PeriodicSchedule", "tick", schedule))
    fleet.wait_until_ready("short", "long", seconds=180)
    command = ("sh", "-c", f"python -u /e2e/chaos_send.py {seed} {seconds} && sleep 7200")
    fleet.kubectl.apply(client(fleet.image, _SENDER, command))
    fleet.kubectl("wait", "--for=condition=Ready", f"pod/{_SENDER}", "--timeout=120s")


def ledger(fleet: Fleet) -> Ledger:
    return Ledger.read(fleet.kubectl("exec", _SENDER, "--", "python", "/e2e/chaos_ledger.py"))


def _object(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": "taskfleet.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
