"""Digests that show whether the user's input or a pod template has changed."""

import hashlib
import json
from typing import Any

from taskfleet.api import Object, WorkerPool
from taskfleet.resources.context import BrokerBinding

UPGRADE_ANNOTATION = "taskfleet.dev/upgrade"

# What never reaches a worker pod: the number of pods, how they are replaced, who may connect, and the beat.
NOT_IN_THE_POD = {
    *("replicas", "autoscale", "suspend", "strategy", "disruption_budget"),
    *("network_policy", "beat", "recycle"),
}
# A managed Redis's own settings do not reach it either, and its URL follows from its name; nor does the Broker's beat.
_NOT_FROM_THE_BROKER = {"redis", "schedules"}


def digest(value: Any) -> str:
    """16 hexadecimal digits over the JSON form; the order of a map's keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def template_hash(template: Object) -> str:
    """Digest of a pod template as built."""
    return digest(template)


def inputs_hash(pool: WorkerPool, broker: BrokerBinding) -> str:
    """Digest of what the user decides about the worker pods.

    Fields at their default are left out, so a field that a newer version adds changes no digest. Hence the
    default of a field must never change.
    """
    spec = pool.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=NOT_IN_THE_POD)
    shared = broker.spec.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude=_NOT_FROM_THE_BROKER
    )
    upgrade = pool.metadata.annotations.get(UPGRADE_ANNOTATION, "")
    inputs = {"pool": spec, "broker": shared, "upgrade": upgrade}
    if broker.credentials is not None:
        inputs["credentials"] = broker.credentials
    return digest(inputs)
