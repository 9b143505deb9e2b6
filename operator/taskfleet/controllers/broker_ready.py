"""Why a Broker is not ready, as those that refer to it say it."""

from taskfleet.api import Object
from taskfleet.api.reasons import ConditionType
from taskfleet.api.stored import conditions_of


def broker_problem(broker: Object) -> str | None:
    """A sentence from the Broker's own condition; None for one that is ready."""
    for stored in conditions_of(broker):
        if stored["type"] == ConditionType.READY.value:
            if stored["status"] == "True":
                return None
            return f"Broker {broker['metadata']['name']!r} is not ready: {stored['message']}"
    return f"Broker {broker['metadata']['name']!r} has not been reconciled yet."
