"""The status of an object whose spec this operator cannot read at all."""

from enum import StrEnum

from taskfleet.api import Object
from taskfleet.api.reasons import Reason
from taskfleet.controllers.conditions import ready, reconciling, stalled
from taskfleet.controllers.context import Context


async def write_unreadable(raw: Object, why: str, context: Context) -> float | None:
    """Stalled with the sentence `why`; seconds to come back after, where the write has to wait."""
    generation = raw["metadata"]["generation"]
    stall: tuple[StrEnum, str] = (Reason.INVALID_SPEC, why)
    status = {
        "observedGeneration": generation,
        "conditions": [
            ready(False, *stall, generation=generation),
            reconciling(None, generation=generation),
            stalled(stall, generation=generation),
        ],
    }
    return await context.status.write(raw, status, now=context.now())
