"""WorkerPool: a Deployment of Celery workers, its disruption budget, and its beat."""

from collections.abc import Mapping
from dataclasses import replace

from taskfleet import metrics
from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.stored import status_of
from taskfleet.config import UpgradePools
from taskfleet.controllers.app_beat import see_app_beat
from taskfleet.controllers.broker_ready import broker_of, broker_problem
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import attempt
from taskfleet.controllers.ownership import controlled_by
from taskfleet.controllers.plan import Plan
from taskfleet.controllers.pool_claims import claims_to_read
from taskfleet.controllers.pool_consumer import pool_consumer
from taskfleet.controllers.pool_plan import PoolInputs, plan_pool
from taskfleet.controllers.pool_report import Rechecks, ScalingSeen, pool_report, seen_after
from taskfleet.controllers.pool_scaling import size_problem, start_obstacle
from taskfleet.controllers.pool_status import PoolSeen
from taskfleet.controllers.shell import reconcile_parsed, write_report
from taskfleet.controllers.silent_holders import held_in_silence
from taskfleet.controllers.upgrade import may_roll, outdated
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.app_beat_names import app_beat_name
from taskfleet.resources.labels import COMPONENT
from taskfleet.resources.pod_template import COMPONENT as WORKER
from taskfleet.resources.worker_deployment import worker_deployment_name
from taskfleet.scaling.learning import learnt


async def reconcile(key: Key, context: Context) -> float | None:
    """Bring the children of one pool to its spec; seconds until the next reconciliation."""
    return await reconcile_parsed(key, context, WorkerPool, _reconcile, forget=_forget)


def _forget(key: Key, context: Context) -> None:
    context.brokers.unsubscribe(key)
    context.scaling.forget(key)
    metrics.forget_pool(key.namespace, key.name)


async def _reconcile(raw: Object, pool: WorkerPool, context: Context) -> float | None:
    pool = _with_what_pods_told(pool, context)
    context.brokers.subscribe(pool.key, broker_of(pool), pool_consumer(raw, pool))
    claims = await context.claims.single_node(pool.namespace, claims_to_read(pool))
    inputs, seen = _inputs(raw, pool, claims, context), _observe(raw, pool, claims, context)
    plan = plan_pool(inputs)
    outcome = await attempt(plan, raw, context)
    requeued = context.brokers.requeued.get(pool.metadata.uid, 0)
    seen = seen_after(seen, inputs, plan, outcome, requeued=requeued)
    # Also where its template cannot be built: that holds up no change of size.
    if seen.deployment is not None:
        _update_scaling(seen, context)
        seen = _with_scaling(seen, context)
    return await _report(raw, seen, context)


def _with_what_pods_told(pool: WorkerPool, context: Context) -> WorkerPool:
    snapshot = context.brokers.snapshot(broker_of(pool))
    if snapshot is None:
        return pool
    deployment, pods = context.cache.get(*_deployment(pool)), context.cache.children("Pod", pool.key)
    return learnt(pool, deployment, pods, snapshot.reports_of(pool.metadata.uid))


def _inputs(raw: Object, pool: WorkerPool, claims: Mapping[str, str], context: Context) -> PoolInputs:
    """What memory knows of what the pool becomes."""
    broker = broker_of(pool)
    return PoolInputs(
        pool,
        context.cache.get(*broker),
        context.installation,
        deployment=context.children.recall(_deployment(pool), owner=raw),
        beat=context.children.recall(Key("Deployment", pool.namespace, app_beat_name(pool)), owner=raw),
        single_node_claims=frozenset(claims),
        capabilities=context.brokers.capabilities(broker),
        auto_create_broker=context.settings.auto_create_broker,
        its_turn=_one_at_a_time(context) and outdated(raw) and _may_roll(pool.key, context),
    )


def _deployment(pool: WorkerPool) -> Key:
    return Key("Deployment", pool.namespace, worker_deployment_name(pool))


def _one_at_a_time(context: Context) -> bool:
    return context.settings.upgrade_pools is UpgradePools.ONE_AT_A_TIME


def _may_roll(pool: Key, context: Context) -> bool:
    pools, deployments = context.cache.all("WorkerPool"), context.cache.all("Deployment")
    return may_roll(pool, pools, deployments, last=context.rolling_upgrade.pool)


def _observe(raw: Object, pool: WorkerPool, claims: Mapping[str, str], context: Context) -> PoolSeen:
    """What memory knows of what there is of the pool."""
    broker = broker_of(pool)
    deployment = context.cache.get(*_deployment(pool))
    pods = context.cache.children("Pod", pool.key)
    workers = [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT) == WORKER]
    return PoolSeen(
        pool,
        deployment=deployment if deployment is not None and controlled_by(deployment, raw) else None,
        pods=workers,
        snapshot=context.brokers.snapshot(broker),
        held_in_silence=held_in_silence(broker, [pool.metadata.uid], workers, context),
        capabilities=context.brokers.capabilities(broker),
        unread=_is_unread(broker, context),
        single_node_claims=claims,
        beat=see_app_beat(pool, context),
        kept_template=outdated(raw),
        runtime_version=status_of(raw).get("runtimeVersion", ""),
    )


def _is_unread(key: Key, context: Context) -> bool:
    """Whether the broker should answer and has not been asked yet, as after a restart of the operator."""
    broker = context.cache.get(*key)
    return broker is not None and broker_problem(broker) is None and not context.brokers.asked(key_of(broker))


def _update_scaling(seen: PoolSeen, context: Context) -> None:
    """Let the scaling loop decide on what has changed."""
    obstacle = start_obstacle(seen.silent_pods, now=context.now())
    context.scaling.update(seen.pool, broker_of(seen.pool), cannot_start=obstacle)


def _with_scaling(seen: PoolSeen, context: Context) -> PoolSeen:
    """With what the scaling loop has decided."""
    key = seen.pool.key
    problem = size_problem(seen.pool, context.scaling.refusal(key), context.scaling.size(key).contested)
    return replace(seen, decided=context.scaling.last(key), size_problem=problem)


async def _report(raw: Object, seen: PoolSeen, context: Context) -> float | None:
    """Write the status and what is new in it; seconds until the next reconciliation."""
    key, uid = seen.pool.key, seen.pool.metadata.uid
    scaling = ScalingSeen(
        context.scaling.made(key),
        context.scaling.size(key).news,
        context.scaling.recycled(key),
        context.scaling.next_look_in(key),
    )
    rechecks = Rechecks(context.settings.recheck_interval, one_at_a_time=_one_at_a_time(context))
    report = pool_report(raw, seen, scaling, rechecks, now=context.now())
    _measure(key, report)

    def reported() -> None:
        context.brokers.told(uid, seen.requeued)
        context.scaling.size(key).reported(scaling.news)
        context.scaling.reported_recycled(key, scaling.recycled)

    return await write_report(report, raw, context, reported=reported)


def _measure(pool: Key, report: Plan) -> None:
    metrics.DEAD_LETTERS.labels(*pool[1:]).set((report.status or {}).get("deadLetters") or 0)
