"""The app's own beat of a pool, as memory knows it."""

from taskfleet.api import Object, WorkerPool
from taskfleet.controllers.app_beat_status import AppBeatSeen
from taskfleet.controllers.context import Context
from taskfleet.resources.app_beat_names import COMPONENT
from taskfleet.resources.labels import COMPONENT as COMPONENT_LABEL


def see_app_beat(pool: WorkerPool, context: Context) -> AppBeatSeen | None:
    """What memory knows of it; None for a pool without beat."""
    if pool.spec.beat is None:
        return None
    pods = context.cache.children("Pod", pool.key)
    mine = [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT_LABEL) == COMPONENT]
    others = [
        str(other["metadata"]["name"])
        for other in context.cache.all("WorkerPool", pool.namespace)
        if other["metadata"]["name"] != pool.name and _same_beat(other, pool)
    ]
    return AppBeatSeen(pool, mine, tuple(sorted(others)))


def _same_beat(other: Object, pool: WorkerPool) -> bool:
    spec = other.get("spec") or {}
    broker = (spec.get("brokerRef") or {}).get("name", "default")
    wanted = spec.get("beat") is not None and not spec.get("suspend")
    theirs = (spec.get("beat") or {}).get("app") or spec.get("app")
    return wanted and (theirs, broker) == (pool.spec.beat_app, pool.spec.broker_ref.name)
