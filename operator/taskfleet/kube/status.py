"""Writing status: what matters at once, counters and numbers in sentences now and then, all of it within a budget."""

from collections.abc import Callable, Mapping, Set
from datetime import datetime
from typing import Any

import structlog

from taskfleet.api import KINDS, Key, Object
from taskfleet.api.base import rfc3339
from taskfleet.api.stored import status_of
from taskfleet.kube.cache import Cache
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import key_of
from taskfleet.kube.write_budget import WriteBudget

log = structlog.get_logger(__name__)

_COUNTERS_EVERY_SECONDS = 10.0
_WRITES_PER_SECOND = 50.0
# A change of these alone can wait.
_COUNTERS = {info.kind: info.status.counters() for info in KINDS}


class StatusWriter:
    """Writes a status when it says something new. Nothing new: no write."""

    def __init__(self, gateway: Gateway, cache: Cache, *, monotonic: Callable[[], float]) -> None:
        self._gateway = gateway
        self._cache = cache
        self._monotonic = monotonic
        self._written_at: dict[Key, float] = {}
        self._not_stored: dict[Key, Any] = {}
        self._budget = WriteBudget(per_second=_WRITES_PER_SECOND)

    async def write(self, obj: Object, wanted: Mapping[str, Any], *, now: datetime) -> float | None:
        """Bring the status of `obj` to `wanted`; seconds until the next attempt, if it must wait.

        `wanted` names every field that this operator writes; None removes one.
        """
        live: Mapping[str, Any] = status_of(obj)
        wanted = {**wanted, "conditions": _dated(live.get("conditions") or [], wanted["conditions"], now)}
        patch = changes(live, wanted)
        key, at = key_of(obj), self._monotonic()
        if not patch or _shape(live, patch) == self._not_stored.get(key):
            self._budget.forget(key)
            return None
        urgent = _urgent(live, wanted, patch, _COUNTERS[key.kind])
        if not urgent:
            # An operator that has just started knows of no write, and its first look may be a passing one: of a
            # Redis, say, that does not have all of its connections yet.
            wait = self._written_at.setdefault(key, at) + _COUNTERS_EVERY_SECONDS - at
            if wait > 0:
                return wait
        if (wait := self._budget.wait(key, urgent=urgent, now=at)) > 0:
            return wait
        self._written_at[key] = at
        answer = await self._gateway.patch_status(key, patch)
        self._cache.put(answer)
        self._compare(key, status_of(answer), wanted)
        return None

    def _compare(self, key: Key, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Say once what the API server does not store, and do not write it again and again."""
        left = changes(stored, wanted)
        before = self._not_stored.pop(key, None)
        if not left:
            return
        shape = self._not_stored[key] = _shape(stored, left)
        if shape != before:
            advice = (
                "If the CRD is older than the operator, install the new one: `taskfleet crds | "
                "kubectl apply --server-side -f -`. Otherwise check which webhook or policy "
                "changes the status."
            )
            log.warning(
                "the API server stored another status than the operator wrote",
                **key._asdict(),
                fields=sorted(left),
                advice=advice,
            )

    def forget(self, key: Key) -> None:
        self._written_at.pop(key, None)
        self._not_stored.pop(key, None)
        self._budget.forget(key)


def changes(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `wanted` that `live` does not have so, as a merge patch."""
    patch: dict[str, Any] = {}
    for name, value in wanted.items():
        if value != live.get(name):
            patch[name] = _merge_patch(live.get(name), value)
    return patch


def _merge_patch(live: Any, wanted: Any) -> Any:
    """A merge patch that turns `live` into `wanted`: fields that are gone are named with None."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        gone = {name: None for name in live if name not in wanted}
        return {**gone, **{name: _merge_patch(live.get(name), value) for name, value in wanted.items()}}
    return wanted


def _shape(live: Any, patch: Any) -> Any:
    """What a patch changes, without the values of fields that `live` lacks: they may hold a time."""
    if not isinstance(patch, Mapping):
        return patch
    known = live if isinstance(live, Mapping) else {}
    return {name: _shape(known[name], value) if name in known else ... for name, value in patch.items()}


def _urgent(
    live: Mapping[str, Any], wanted: Mapping[str, Any], patch: Mapping[str, Any], counters: Set[str]
) -> bool:
    if any(name not in counters and name != "conditions" for name in patch):
        return True
    return _verdicts(live.get("conditions") or []) != _verdicts(wanted["conditions"])


def _verdicts(conditions: list[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [(c["type"], c["status"], c["reason"], c.get("observedGeneration")) for c in conditions]


def _dated(
    live: list[Mapping[str, Any]], wanted: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:
    """Conditions with the time of their last change of status; an unchanged one keeps its time."""
    known = {condition["type"]: condition for condition in live}
    stamp = rfc3339(now)
    dated = []
    for condition in wanted:
        before = known.get(condition["type"])
        kept = before is not None and before["status"] == condition["status"]
        since = before.get("lastTransitionTime", stamp) if kept and before else stamp
        dated.append({**condition, "lastTransitionTime": since})
    return dated
