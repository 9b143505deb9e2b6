"""The status of an object that this operator cannot work on: its spec cannot be read, or each try fails."""

from enum import StrEnum

from taskfleet.api import Key, Object
from taskfleet.api.reasons import Reason
from taskfleet.api.stored import conditions_of, is_terminating
from taskfleet.controllers.conditions import ready, reconciling, stalled
from taskfleet.controllers.context import Context
from taskfleet.controllers.pod_trouble import clean
from taskfleet.kube.errors import ApiError


async def write_unreadable(raw: Object, why: str, context: Context) -> float | None:
    """Stalled with the sentence `why`; seconds until the next attempt, if the write must wait."""
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


async def write_failure(key: Key, error: Exception, context: Context) -> None:
    """Ready=False with what keeps failing, where memory knows the object. What others have said of it stays."""
    raw = context.cache.get(*key)
    if raw is None or is_terminating(raw):
        return
    generation = raw["metadata"]["generation"]
    why: tuple[StrEnum, str] = Reason.APPLY_FAILED, _failure(error)
    kept = {one["type"]: one for one in conditions_of(raw)}
    kept["Ready"] = ready(False, *why, generation=generation)
    kept.setdefault("Reconciling", reconciling(why[1], generation=generation))
    kept.setdefault("Stalled", stalled(None, generation=generation))
    status = {"observedGeneration": generation, "conditions": list(kept.values())}
    await context.status.write(raw, status, now=context.now())


def _failure(error: Exception) -> str:
    if isinstance(error, ApiError):
        said = clean(error.message)
        return (
            f"A request to the API server failed, and the operator retries: {error.status} "
            f"{error.reason}: {said}"
        )
    return (
        f"The operator failed to reconcile this object ({type(error).__name__}) and retries. "
        "Report this bug with the operator's log and the object."
    )
