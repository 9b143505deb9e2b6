"""The Broker `default` that appears by itself, so that one applied object is enough."""

from taskfleet.api import GROUP, VERSION, Key
from taskfleet.api.reasons import Reason
from taskfleet.controllers.conditions import Reasoned
from taskfleet.controllers.context import Context
from taskfleet.kube.cache import BROKER_LABEL
from taskfleet.resources.broker_names import auth_secret_name, data_claim_name

AUTO_CREATED = "taskfleet.dev/auto-created"


async def create_broker(key: Key, context: Context) -> Reasoned:
    """Create the Broker `default`; always the reason why the objects that refer to it must wait."""
    _, namespace, name = key
    if await context.gateway.get(key) is not None:  # the watch will report it
        return Reason.PROGRESSING, f"Broker {name!r} has just been created."
    leftover = await _leftover(name, namespace, context)
    if leftover is not None:
        return Reason.BROKER_MISSING, (
            f"Broker {name!r} does not exist, but {leftover} of a deleted Broker does. Create the "
            f"Broker to reuse its messages, or delete {leftover} to start without them."
        )
    broker = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Broker",
        "metadata": {"name": name, "namespace": namespace, "annotations": {AUTO_CREATED: "true"}},
        "spec": {},
    }
    # Applied, not created: who creates owns all defaults, and a user's apply would conflict with each of them.
    context.cache.put({**await context.gateway.apply(broker), "kind": "Broker"})
    return Reason.PROGRESSING, f"Broker {name!r} is being created."


async def _leftover(name: str, namespace: str, context: Context) -> str | None:
    """What a deleted Broker of this name has left behind; owned objects are being deleted."""
    for key in (
        Key("Secret", namespace, auth_secret_name(name)),
        Key("PersistentVolumeClaim", namespace, data_claim_name(name)),
    ):
        metadata = (await context.gateway.get(key) or {}).get("metadata", {})
        if (metadata.get("labels") or {}).get(BROKER_LABEL) == name and not metadata.get("ownerReferences"):
            return f"{key.kind} {key.name!r}"
    return None
