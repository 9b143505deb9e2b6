"""What a WorkerPool becomes: its children, in the order in which they are applied. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from taskfleet.api import Broker, InvalidObject, Key, Object, WorkerPool
from taskfleet.api.annotations import FORGET, REQUEUE
from taskfleet.api.reasons import PoolReason
from taskfleet.api.stored import status_of
from taskfleet.api.worker_pool_status import MAX_TOKEN
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.brokers.recovery.dead_letter import Request
from taskfleet.controllers.broker_ready import broker_of
from taskfleet.controllers.broker_support import results_problem
from taskfleet.controllers.failed_tasks_plan import plan_failed_tasks
from taskfleet.controllers.missing_broker import plan_without_broker
from taskfleet.controllers.plan import (
    Apply,
    Child,
    Plan,
    PodTemplate,
    Problem,
    Remove,
    RequeueDeadLetters,
    WrittenPolicy,
    children_in_order,
    invalid_spec,
)
from taskfleet.controllers.pool_scaling import first_size
from taskfleet.controllers.request_results import requested_by
from taskfleet.resources.app_beat_claim import app_beat_claim
from taskfleet.resources.app_beat_deployment import app_beat_deployment
from taskfleet.resources.app_beat_names import app_beat_name
from taskfleet.resources.context import BrokerBinding, Installation
from taskfleet.resources.worker_deployment import (
    Kept,
    seed_deployment,
    worker_deployment,
    written_of,
    written_of_beat,
)
from taskfleet.resources.worker_network_policy import worker_network_policy, worker_network_policy_name
from taskfleet.resources.worker_pdb import worker_pdb, worker_pdb_name


@dataclass(frozen=True)
class PoolInputs:
    """A pool and what memory knows around it. The Deployments are those that are or become the pool's own."""

    pool: WorkerPool
    broker: Object | None
    installation: Installation
    deployment: Object | None = None  # of its workers
    beat: Object | None = None  # the Deployment of its app's own beat
    single_node_claims: frozenset[str] = frozenset()  # of the template: only one node mounts them
    capabilities: Capabilities | None = None  # of the broker; None: not known yet
    auto_create_broker: bool = True
    its_turn: bool = False  # to get the pod template of this version of the operator


def plan_pool(inputs: PoolInputs) -> Plan:
    if inputs.broker is None:
        return plan_without_broker(broker_of(inputs.pool), auto_create=inputs.auto_create_broker)
    try:
        binding = BrokerBinding.of(Broker.parse(inputs.broker))
    except InvalidObject as error:  # the Broker's own status says the same
        why = f"The Broker is not valid: {error}"
        return Plan(problem=Problem((PoolReason.BROKER_NOT_READY, why), final=False))
    if (wrong := results_problem(inputs.pool, inputs.capabilities)) is not None:
        return Plan(problem=invalid_spec(wrong))
    plan = children_in_order(partial(build, inputs, binding) for build in BUILDERS)
    failed = plan_failed_tasks(inputs.pool, broker_of(inputs.pool), inputs.capabilities)
    letters = [_requeue(inputs, request) for request in pending_requests(inputs.pool)]
    return replace(plan, requests=(*letters, *failed.requests), results=failed.results)


def pending_requests(pool: WorkerPool) -> Iterator[Request]:
    """What annotations ask to requeue and to remove, unless the status has the answer."""
    for name, answered, forget in (
        (REQUEUE, pool.status.last_requeue, False),
        (FORGET, pool.status.last_forget, True),
    ):
        token, *ids = pool.metadata.annotations.get(name, "").split() or [""]
        request = Request(token[:MAX_TOKEN], tuple(ids), forget)
        if token and (answered is None or answered.token != request.token):
            yield request


def _requeue(inputs: PoolInputs, request: Request) -> RequeueDeadLetters:
    pool = inputs.pool
    user = requested_by(pool.metadata.annotations)
    return RequeueDeadLetters(pool.key, pool.metadata.uid, broker_of(pool), pool.queues, request, user)


def _workers(inputs: PoolInputs, binding: BrokerBinding) -> Apply:
    """With the pod template of another operator version where it has one and may keep it. Its size is not ours."""
    pool, live = inputs.pool, inputs.deployment
    build = partial(worker_deployment, pool, binding, inputs.installation)
    built, written = build(), written_of(pool)
    if live is None:
        seed = seed_deployment(pool, replicas=first_size(pool.spec))
        return Apply(built, written, new=True, seed=seed)
    kept = Kept.of(live, built)
    if kept is None:
        return Apply(built, written)
    if inputs.its_turn:
        return Apply(built, written, template=PodTemplate.ROLLED)
    return Apply(build(kept=kept), written, template=PodTemplate.KEPT)


def _budget(inputs: PoolInputs, _: BrokerBinding) -> Child:
    pool = inputs.pool
    if (built := worker_pdb(pool)) is not None:
        return Apply(built)
    return Remove(Key("PodDisruptionBudget", pool.namespace, worker_pdb_name(pool)))


def _network_policy(inputs: PoolInputs, _: BrokerBinding) -> Child:
    pool = inputs.pool
    if (built := worker_network_policy(pool)) is not None:
        return Apply(built, WrittenPolicy(pool.spec.network_policy, "spec.networkPolicy"))
    return Remove(Key("NetworkPolicy", pool.namespace, worker_network_policy_name(pool)))


def _app_beat(inputs: PoolInputs, binding: BrokerBinding) -> Child:
    """The app's own beat. Its claim is looked at until it runs."""
    pool = inputs.pool
    built = app_beat_deployment(
        pool, binding, inputs.installation, without_claims_of=inputs.single_node_claims
    )
    if built is None:
        return Remove(Key("Deployment", pool.namespace, app_beat_name(pool)))
    runs = status_of(inputs.beat or {}).get("readyReplicas", 0) > 0
    return Apply(built, written_of_beat(pool), claim=None if runs else app_beat_claim(pool))


BUILDERS: tuple[Callable[[PoolInputs, BrokerBinding], Child], ...] = (
    _workers,
    _budget,
    _network_policy,
    _app_beat,
)
