"""The Deployment of a pool's workers. Its size is written by another field manager, so it is not here."""

from dataclasses import dataclass
from typing import Self

from taskfleet.api import GROUP, Object, WorkerPool
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.hashing import inputs_hash, template_hash
from taskfleet.resources.labels import child_labels, selector_labels
from taskfleet.resources.metadata import child_metadata
from taskfleet.resources.pod_template import COMPONENT, worker_pod_template
from taskfleet.resources.pull_policy import with_pull_policies
from taskfleet.resources.refusals import Written
from taskfleet.resources.worker_container import CONTAINER

INPUTS_HASH = f"{GROUP}/inputs-hash"
TEMPLATE_HASH = f"{GROUP}/template-hash"
_NO_CAPACITY_AWAY: Object = {"maxSurge": "25%", "maxUnavailable": 0}


@dataclass(frozen=True)
class Kept:
    """The pod template that another version of the operator built from the same inputs."""

    template: Object
    inputs_hash: str
    template_hash: str

    @classmethod
    def of(cls, live: Object, built: Object) -> Self | None:
        """What of `live` is to be kept; None when `built` has the same template or is made of other inputs."""
        before = live["metadata"].get("annotations") or {}
        now = built["metadata"]["annotations"]
        inputs, template = before.get(INPUTS_HASH), before.get(TEMPLATE_HASH)
        if template is None or inputs != now[INPUTS_HASH] or template == now[TEMPLATE_HASH]:
            return None
        return cls(_without_nulls(live["spec"]["template"]), inputs, template)


def worker_deployment_name(pool: WorkerPool) -> str:
    return f"{pool.name}-worker"


def worker_deployment(
    pool: WorkerPool, broker: BrokerBinding, installation: Installation, *, kept: Kept | None = None
) -> Object:
    """The Deployment without its size; with `kept`, the pods stay as they are.

    Raises SpecError for a spec that cannot be built.
    """
    if kept is None:
        template = worker_pod_template(pool, broker, installation)
        mark = template_hash(template)
        # Not part of the digest: no pod changes by it.
        kept = Kept(_marked(with_pull_policies(template), mark), inputs_hash(pool, broker), mark)
    metadata = child_metadata(pool, name=worker_deployment_name(pool), component=COMPONENT)
    metadata["annotations"] = {INPUTS_HASH: kept.inputs_hash, TEMPLATE_HASH: kept.template_hash}
    spec = {
        "selector": {"matchLabels": selector_labels(pool, COMPONENT)},
        # Ends the pause of the seed: from here on the Deployment has its real template.
        "paused": False,
        "revisionHistoryLimit": 2,
        "progressDeadlineSeconds": 600,
        "strategy": _strategy(pool),
        "template": kept.template,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _strategy(pool: WorkerPool) -> Object:
    """New pods first by default, so that a rollout takes no capacity away."""
    if not _rolls(pool):
        # Null, or the API server keeps an empty one of before and refuses it.
        return {"type": "Recreate", "rollingUpdate": None}
    given = pool.spec.strategy.rolling_update.to_object()
    return {"type": "RollingUpdate", "rollingUpdate": {**_NO_CAPACITY_AWAY, **given}}


def _rolls(pool: WorkerPool) -> bool:
    return pool.spec.strategy.type != "Recreate"


def written_of(pool: WorkerPool) -> Written:
    """Where the user wrote what the pods of a pool, and of its beat, are made of."""
    fields = {name: name for name in ("image", "resources", "env", "envFrom")} | {"args": "extraArgs"}
    pod_fields = {"terminationGracePeriodSeconds": "terminationGracePeriod"}
    return Written(pool.spec.to_object(), "spec", CONTAINER, fields, pod_fields)


def written_of_beat(pool: WorkerPool) -> Written:
    """The same of the pool's beat: where it has a template of its own, that is what its pods are made of."""
    beat = pool.spec.beat
    if beat is None or not beat.template:
        return written_of(pool)
    fields = {name: name for name in ("resources", "env")}
    return Written(beat.to_object(), "spec.beat", CONTAINER, fields, {})


def seed_deployment(pool: WorkerPool, *, replicas: int) -> Object:
    """The least that the API server accepts, with a size: applied first by the manager of the size.

    A Deployment that is created without a size starts a pod. The seed is paused, so that nothing starts before
    the real template is there. Without its Recreate the API server would fill in limits that no Recreate takes.
    """
    spec = {
        "replicas": replicas,
        **({} if _rolls(pool) else {"strategy": {"type": "Recreate"}}),
        "paused": True,
        "selector": {"matchLabels": selector_labels(pool, COMPONENT)},
        "template": {
            "metadata": {"labels": child_labels(pool, COMPONENT)},
            "spec": {"containers": [{"name": CONTAINER, "image": pool.spec.image}]},
        },
    }
    metadata = child_metadata(pool, name=worker_deployment_name(pool), component=COMPONENT)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _marked(template: Object, mark: str) -> Object:
    """With its own digest, so that each pod names the template that it was made from."""
    metadata = template["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TEMPLATE_HASH: mark}
    return {**template, "metadata": {**metadata, "annotations": annotations}}


def _without_nulls(template: Object) -> Object:
    """The API server reads back `creationTimestamp: null`, which an apply would claim as a field."""
    metadata = {field: value for field, value in template["metadata"].items() if value is not None}
    return {**template, "metadata": metadata}
