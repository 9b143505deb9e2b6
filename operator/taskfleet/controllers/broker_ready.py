"""Why a Broker is not ready, as those that refer to it say it."""

from taskfleet.api import Object
from taskfleet.api.reasons import ConditionType
from taskfleet.api.stored import condition_of


def broker_problem(broker: Object) -> str | None:
    """A sentence from the Broker's own condition; None for one that is ready."""
    ready, name = condition_of(broker, ConditionType.READY), broker["metadata"]["name"]
    if ready is None:
        return f"Broker {name!r} has not been reconciled yet."
    return None if ready["status"] == "True" else f"Broker {name!r} is not ready: {ready['message']}"
