"""The Redis that a Broker runs: its StatefulSet, the growth of its volume, and its end when the Broker becomes external."""

from collections.abc import Iterator

from taskfleet.api import Broker, Key, Object, parse_quantity
from taskfleet.controllers.context import Context
from taskfleet.controllers.pod_trouble import clean
from taskfleet.kube.errors import ApiError
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.broker_names import broker_name, connection_secret_name, data_claim_name
from taskfleet.resources.broker_stateful_set import broker_stateful_set
from taskfleet.resources.contains import contains

_KINDS = ("StatefulSet", "Service", "ConfigMap", "NetworkPolicy")


async def ensure_redis(raw: Object, broker: Broker, context: Context) -> tuple[Object, str | None]:
    """The live StatefulSet, and what keeps its volume from growing, if anything does."""
    built = broker_stateful_set(broker, context.installation)
    live = await context.children.find(key_of(built), owner=raw)
    if live is None or contains(_claims(live), _claims(built)):
        return await context.children.bring_to(built, live), None
    # Nobody may change them; the claim that was made of them may grow.
    built["spec"] |= _claims(live)
    return await context.children.bring_to(built, live), await _grow(broker, context)


async def end_redis(raw: Object, broker: Broker, context: Context) -> None:
    """Remove what is left of a Redis once no worker connects to it; its password stays, its volume as it was wished."""
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
    """Ask for the wanted size; the answer, where it is no."""
    key = Key("PersistentVolumeClaim", broker.namespace, data_claim_name(broker.name))
    claim, size = await context.gateway.get(key), broker.spec.effective_redis.storage.size
    if claim is None:
        return None
    before = claim["spec"]["resources"]["requests"]["storage"]
    if parse_quantity(before) >= parse_quantity(size):
        return None
    try:
        await context.gateway.patch(key, {"spec": {"resources": {"requests": {"storage": size}}}})
    except ApiError as error:
        if error.status not in (403, 422):
            raise
        return f"The volume stays at {before} and should be {size}: {clean(error.message)}"
    return None


def _secrets_of(pod: Object) -> Iterator[str]:
    """The Secrets that the environment of a pod's containers refers to."""
    for container in pod["spec"]["containers"]:
        for variable in container.get("env") or []:
            yield ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name", "")
