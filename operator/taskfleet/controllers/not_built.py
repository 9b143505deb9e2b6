"""TaskQueue and PeriodicSchedule: accepted, and told that their feature is not built yet."""

from taskfleet.api import Key
from taskfleet.api.reasons import Reason
from taskfleet.controllers.conditions import ready, reconciling, stalled
from taskfleet.controllers.context import Context


async def reconcile(key: Key, context: Context) -> float | None:
    """Say so in the status; nothing is made of the object."""
    raw = context.cache.get(*key)
    if raw is None:
        context.status.forget(key)
        return None
    generation = raw["metadata"]["generation"]
    message = f"This version of Taskfleet accepts a {key.kind} and does nothing with it yet."
    status = {
        "observedGeneration": generation,
        "conditions": [
            ready(False, Reason.NOT_IMPLEMENTED, message, generation=generation),
            reconciling(None, generation=generation),
            stalled(None, generation=generation),
        ],
    }
    return await context.status.write(raw, status, now=context.now())
