"""Events on our own objects: one object a reason and sentence, counted when it repeats, limited for each object."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from taskfleet.api import GROUP, VERSION, Key, Object
from taskfleet.api.base import rfc3339
from taskfleet.kube.errors import ApiError
from taskfleet.kube.event import Event
from taskfleet.kube.gateway import Gateway
from taskfleet.kube.resource_types import key_of

log = structlog.get_logger(__name__)

_BURST = 25  # events an object may have at once; client-go's limit
_REFILL = timedelta(minutes=5)  # one more after each; client-go's limit
_SAME = timedelta(minutes=10)  # a repetition within this time is counted on the first one's object
_REMEMBERED = 10_000  # objects and sentences; the oldest are forgotten first


@dataclass
class _Budget:
    left: float
    at: datetime


@dataclass
class _Series:
    key: Key
    count: int
    first: datetime
    last: datetime


class EventRecorder:
    """Writes events; one that cannot be written is logged and dropped, for nothing depends on it."""

    def __init__(self, gateway: Gateway, *, source: str) -> None:
        self._gateway = gateway
        self._source = source
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()
        self._series: OrderedDict[tuple[str, Event], _Series] = OrderedDict()

    async def record(self, about: Object, event: Event, *, now: datetime) -> None:
        uid = about["metadata"]["uid"]
        if not self._allowed(uid, now):
            return
        series = self._series.get((uid, event))
        try:
            if series is not None and now - series.last < _SAME:
                series.count, series.last = series.count + 1, now
                await self._gateway.patch(series.key, {"count": series.count, "lastTimestamp": _rfc3339(now)})
            else:
                created = self._object(about, event, now)
                await self._gateway.create(created)
                self._series[uid, event] = _Series(key_of(created), 1, now, now)
                _keep_newest(self._series)
        except ApiError as error:
            self._series.pop((uid, event), None)
            log.warning(
                "event not written", reason=event.reason, object=about["metadata"]["name"], error=str(error)
            )

    def _allowed(self, uid: str, now: datetime) -> bool:
        budget = self._budgets.setdefault(uid, _Budget(float(_BURST), now))
        budget.left = min(_BURST, budget.left + (now - budget.at) / _REFILL)
        budget.at = now
        _keep_newest(self._budgets)
        if budget.left < 1:
            return False
        budget.left -= 1
        return True

    def _object(self, about: Object, event: Event, now: datetime) -> Object:
        metadata = about["metadata"]
        unique = hashlib.sha256(f"{metadata['uid']} {event} {now.timestamp()}".encode()).hexdigest()[:16]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{unique}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": f"{GROUP}/{VERSION}",
                "kind": about["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "reason": event.reason,
            "message": event.message[:1000],
            "type": event.severity.value,
            "source": {"component": self._source},
            "firstTimestamp": _rfc3339(now),
            "lastTimestamp": _rfc3339(now),
            "count": 1,
        }


def _keep_newest(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


def _rfc3339(moment: datetime) -> str:
    return rfc3339(moment)
