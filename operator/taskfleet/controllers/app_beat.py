"""The app's own beat of a pool: its Deployment and its volume."""

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.controllers.app_beat_status import AppBeatSeen
from taskfleet.controllers.context import Context
from taskfleet.controllers.refused import in_words_of
from taskfleet.kube.cache import POOL_LABEL
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.app_beat_claim import app_beat_claim
from taskfleet.resources.app_beat_deployment import app_beat_deployment
from taskfleet.resources.app_beat_names import COMPONENT, app_beat_name
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.labels import COMPONENT as COMPONENT_LABEL
from taskfleet.resources.labels import RETAINED_FROM
from taskfleet.resources.worker_deployment import written_of_beat


async def ensure_app_beat(raw: Object, pool: WorkerPool, binding: BrokerBinding, context: Context) -> None:
    """Bring Deployment and claim to the pool's spec. Raises NameConflictError and SpecError."""
    built = app_beat_deployment(pool, binding, context.installation)
    if built is None:
        key = Key("Deployment", pool.namespace, app_beat_name(pool))
        await context.children.remove(key, owner=raw)
        return
    live = await context.children.find(key_of(built), owner=raw)
    if ((live or {}).get("status") or {}).get("readyReplicas", 0) < 1:
        await _ensure_claim(raw, pool, context)
    with in_words_of(built, written_of_beat(pool)):
        await context.children.apply_if_changed(built, live, owner=raw)


async def _ensure_claim(raw: Object, pool: WorkerPool, context: Context) -> None:
    """Create the claim if it does not exist. An existing one stays as it is, because it is immutable."""
    claim = app_beat_claim(pool)
    if claim is None:
        return
    live = await context.children.find(
        key_of(claim), owner=raw, retained=lambda found: _retained_for(found, pool)
    )
    if live is None:
        await context.gateway.apply(claim)


def _retained_for(live: Object, pool: WorkerPool) -> bool:
    """Whether a deleted pool of this name left the claim behind, or this one keeps it without owning it."""
    metadata = live["metadata"]
    labeled = (metadata.get("labels") or {}).get(POOL_LABEL) == pool.name
    return labeled and RETAINED_FROM in (metadata.get("annotations") or {})


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
