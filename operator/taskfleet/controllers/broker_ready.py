"""The Broker that an object refers to, and why it is not ready, as those that refer to it say it. Pure."""

from taskfleet.api import Key, Object, PeriodicSchedule, TaskQueue, WorkerPool
from taskfleet.api.reasons import ConditionType
from taskfleet.api.stored import condition_of


def broker_of(user: WorkerPool | TaskQueue | PeriodicSchedule) -> Key:
    return Key("Broker", user.namespace, user.spec.broker_ref.name)


def broker_problem(broker: Object) -> str | None:
    """A sentence from the Broker's own condition; None for one that is ready."""
    ready, name = condition_of(broker, ConditionType.READY), broker["metadata"]["name"]
    if ready is None:
        return f"Broker {name!r} has not been reconciled yet."
    return None if ready["status"] == "True" else f"Broker {name!r} is not ready: {ready['message']}"
