"""What a pool leaves to the app, and so only a pod can tell: it is taken from reports and kept in the status. Pure."""

from collections.abc import Iterable, Mapping

from taskfleet.api import Object, ObservedWorker, WorkerPool
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.resources.worker_deployment import INPUTS_HASH, TEMPLATE_HASH


def to_learn(pool: WorkerPool, deployment: Object) -> str | None:
    """What no pod of these settings has told; None where nothing is to be learnt, or all of it is known."""
    if not pool.learns:
        return None
    known = pool.status.worker
    if known is not None and known.inputs_hash == _annotation(deployment, INPUTS_HASH):
        return None
    if pool.spec.queues is not None:
        return "how many tasks it runs at once"
    return "which queues it consumes" if pool.spec.capacity is not None else "its concurrency and its queues"


def learnt(
    pool: WorkerPool,
    deployment: Object | None,
    pods: Iterable[Object],
    reports: Mapping[str, LastReport],
) -> WorkerPool:
    """The pool with what its newest pod of the Deployment's template has told, or with what was told before."""
    if deployment is None:
        return pool
    template, inputs = _annotation(deployment, TEMPLATE_HASH), _annotation(deployment, INPUTS_HASH)
    told = [
        (known.report.started_at or 0.0, pod["metadata"]["name"], known.report.worker)
        for pod in pods
        if (known := reports.get(pod["metadata"]["name"])) is not None
        and known.report.worker is not None
        and _annotation(pod, TEMPLATE_HASH) == template
    ]
    if not told or inputs is None:
        return pool
    _, _, facts = max(told, key=lambda one: one[:2])
    worker = ObservedWorker(**facts._asdict(), inputs_hash=inputs)
    if worker == pool.status.worker:
        return pool
    return pool.model_copy(update={"status": pool.status.model_copy(update={"worker": worker})})


def _annotation(obj: Object, name: str) -> str | None:
    return (obj["metadata"].get("annotations") or {}).get(name)
