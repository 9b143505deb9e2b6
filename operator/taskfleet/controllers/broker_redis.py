"""The Redis that a Broker runs: its StatefulSet, the growth of its volume, and its end when the Broker becomes external."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from taskfleet.api import Broker, Key, Object, parse_quantity
from taskfleet.api.reasons import ConditionType, Reason
from taskfleet.api.stored import is_terminating, status_of
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.pod_trouble import clean
from taskfleet.controllers.redis_image import image_of, may_take, names_image, with_image
from taskfleet.controllers.refused import in_words_of
from taskfleet.kube.errors import DeniedError, InvalidError
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.broker_names import broker_name, connection_secret_name, data_claim_name
from taskfleet.resources.broker_stateful_set import broker_stateful_set, written_of
from taskfleet.resources.contains import contains

_KINDS = ("StatefulSet", "Service", "ConfigMap", "NetworkPolicy")


@dataclass(frozen=True)
class LiveRedis:
    """The StatefulSet as it is now. `too_small`: what keeps its volume from growing; `waits`: for which turn its image
    waits; None where nothing is the matter."""

    stateful_set: Object
    too_small: str | None = None
    waits: str | None = None


async def ensure_redis(raw: Object, broker: Broker, context: Context) -> LiveRedis:
    """Bring the StatefulSet to the spec, as far as it can be and may be now."""
    built = broker_stateful_set(broker, context.installation)
    live = await context.children.find(key_of(built), owner=raw)
    waits = _keep_image(raw, built, live, context) if live is not None else None
    grows = live is not None and not contains(_claims(live), _claims(built))
    if live is not None and grows:  # they are immutable; the claim that was made from them can grow
        built["spec"] |= _claims(live)
    with in_words_of(built, written_of(broker)):
        applied = await context.children.apply_if_changed(built, live, owner=raw)
    return LiveRedis(applied, await _grow(broker, context) if grows else None, waits)


def _keep_image(raw: Object, built: Object, live: Object, context: Context) -> str | None:
    """Leave a running Redis its image until it is its turn to get the operator's; words about it then."""
    old, new = image_of(live), image_of(built)
    if names_image(raw) or not old or new is None or old == new:
        return None
    redises = {key_of(one): one for one in context.cache.all("StatefulSet")} | {key_of(built): live}
    if may_take(new, key_of(built), redises, _followers(context)):
        return None
    with_image(built, old)
    return f"Redis keeps image {old!r} until another Broker is ready with {new!r}, the operator's default."


def _followers(context: Context) -> set[Key]:
    """The StatefulSets of the Brokers that take the operator's image, except those that only another spec changes."""
    return {
        Key("StatefulSet", raw["metadata"]["namespace"], broker_name(raw["metadata"]["name"]))
        for raw in context.cache.all("Broker")
        if not names_image(raw)
        and not is_terminating(raw)
        and reason_of(raw, ConditionType.STALLED) in (None, Reason.SETTLED)
    }


async def replace_stuck_pods(redis: Object, pods: Iterable[Object], context: Context) -> None:
    """Delete pods of another revision whose container does not run, so that the newest revision gets its turn.

    A StatefulSet waits for a pod to be ready before it replaces it, also for one that never can be:
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
    """
    status = status_of(redis)
    if status.get("observedGeneration") != redis["metadata"].get("generation"):
        return
    newest = status.get("updateRevision")
    for pod in pods:
        metadata = pod["metadata"]
        revision = (metadata.get("labels") or {}).get("controller-revision-hash")
        if (
            newest
            and revision
            and revision != newest
            and not _runs(pod)
            and "deletionTimestamp" not in metadata
        ):
            await context.gateway.delete(key_of({**pod, "kind": "Pod"}), uid=metadata["uid"])


def _runs(pod: Object) -> bool:
    statuses = status_of(pod).get("containerStatuses") or []
    return any("running" in (status.get("state") or {}) for status in statuses)


async def end_redis(raw: Object, broker: Broker, context: Context) -> None:
    """Remove what is left of a Redis once no worker connects to it. Its password stays, its volume if the spec says so."""
    children = [Key(kind, broker.namespace, broker_name(broker.name)) for kind in _KINDS]
    if not any(context.cache.get(*child) for child in children):
        return
    secret = connection_secret_name(broker.name)
    if any(secret in _secrets_of(pod) for pod in context.cache.all("Pod", broker.namespace)):
        return
    for child in children:
        await context.children.remove(child, owner=raw)


def _claims(stateful_set: Object) -> Object:
    return {"volumeClaimTemplates": stateful_set["spec"]["volumeClaimTemplates"]}


async def _grow(broker: Broker, context: Context) -> str | None:
    """Request the wanted size; the API server's message if it rejects that."""
    key = Key("PersistentVolumeClaim", broker.namespace, data_claim_name(broker.name))
    claim, size = await context.gateway.get(key), broker.spec.effective_redis.storage.size
    if claim is None:
        return None
    before = claim["spec"]["resources"]["requests"]["storage"]
    if parse_quantity(before) >= parse_quantity(size):
        return None
    try:
        await context.gateway.patch(key, {"spec": {"resources": {"requests": {"storage": size}}}})
    except (DeniedError, InvalidError) as error:
        return f"The volume cannot be resized from {before} to {size}: {clean(error.message)}"
    return None


def _secrets_of(pod: Object) -> Iterator[str]:
    """The Secrets that the environment of a pod's containers refers to."""
    for container in pod["spec"]["containers"]:
        for variable in container.get("env") or []:
            yield ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name", "")
