"""Which conditions ask for attention: what metrics export, and what `kubectl taskfleet status` shows first. Pure."""

from collections.abc import Iterator

from taskfleet.api.base import Object
from taskfleet.api.reasons import ConditionType
from taskfleet.api.stored import conditions_of

# The status that asks for attention. The other types tell of a choice of the user or of what goes by itself.
_ABNORMAL = {
    ConditionType.READY.value: "False",
    ConditionType.STALLED.value: "True",
    ConditionType.SCALING_LIMITED.value: "True",
    ConditionType.CONSUMED.value: "False",
    ConditionType.BEAT_READY.value: "False",
    ConditionType.MEMORY_AVAILABLE.value: "False",
    ConditionType.HEALTHY.value: "False",
    ConditionType.VISIBILITY_TIMEOUTS_MATCH.value: "False",
    ConditionType.REPORTS_VALID.value: "False",
    ConditionType.VARIABLES_APPLIED.value: "False",
    ConditionType.VOLUMES_SHARED.value: "False",
    ConditionType.FULLY_SUPPORTED.value: "False",
}


def abnormal_conditions(obj: Object) -> Iterator[Object]:
    """The stored conditions that ask for attention."""
    for condition in conditions_of(obj):
        if condition["status"] == _ABNORMAL.get(condition["type"]):
            yield condition
