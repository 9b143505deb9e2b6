"""WorkerPool: a Deployment of Celery workers, its disruption budget, and its beat."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from taskfleet import metrics
from taskfleet.api import Broker, InvalidObject, Key, Object, WorkerPool
from taskfleet.api.reasons import ConditionType, EventReason, PoolReason, Reason
from taskfleet.api.stored import status_of
from taskfleet.config import UpgradePools
from taskfleet.controllers.app_beat import ensure_app_beat, see_app_beat
from taskfleet.controllers.auto_broker import auto_create_broker
from taskfleet.controllers.broker_ready import broker_problem
from taskfleet.controllers.broker_support import results_problem
from taskfleet.controllers.children import LeftOverError
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.ownership import controlled_by
from taskfleet.controllers.pod_trouble import patience
from taskfleet.controllers.pool_consumer import pool_consumer
from taskfleet.controllers.pool_scaling import (
    first_size,
    new_decision,
    overwritten_event,
    size_problem,
    start_obstacle,
    with_decision,
)
from taskfleet.controllers.pool_status import PoolSeen, pool_status
from taskfleet.controllers.refused import in_words_of, in_words_of_policy
from taskfleet.controllers.requeue import handle_requeue
from taskfleet.controllers.shell import NOT_APPLIED, not_applied, reconcile_parsed, soonest, write_status
from taskfleet.controllers.silent_holders import held_in_silence
from taskfleet.controllers.upgrade import outdated, take_turn
from taskfleet.kube.event import Event, Severity
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.errors import SpecError
from taskfleet.resources.labels import COMPONENT
from taskfleet.resources.pod_template import COMPONENT as WORKER
from taskfleet.resources.worker_deployment import (
    Kept,
    seed_deployment,
    worker_deployment,
    worker_deployment_name,
    written_of,
)
from taskfleet.resources.worker_network_policy import worker_network_policy, worker_network_policy_name
from taskfleet.resources.worker_pdb import worker_pdb, worker_pdb_name
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.size import Size

_LEFT_OVER_SECONDS = 1.0
_REQUEUE_AGAIN_SECONDS = 2.0
_SILENCE_AGAIN_SECONDS = 10.0  # no event says that a node is lost
_NEXT_TURN_SECONDS = 2.0  # no event tells a waiting pool that the previous rollout has ended


@dataclass(frozen=True)
class Applied:
    """The live Deployment, and how it was found."""

    deployment: Object
    kept_template: bool  # it keeps the pods of another operator version


@dataclass(frozen=True)
class Observed:
    """A pool and what memory knows around it."""

    raw: Object
    pool: WorkerPool
    broker: Object | None


async def reconcile(key: Key, context: Context) -> float | None:
    """Bring the children of one pool to its spec; seconds until the next reconciliation."""
    return await reconcile_parsed(key, context, WorkerPool, _reconcile, forget=_forget)


def _forget(key: Key, context: Context) -> None:
    context.brokers.unsubscribe(key)
    context.scaling.forget(key)
    metrics.forget_pool(key.namespace, key.name)


async def _reconcile(raw: Object, pool: WorkerPool, context: Context) -> float | None:
    key = pool.key
    broker = context.cache.get("Broker", key.namespace, pool.spec.broker_ref.name)
    observed = Observed(raw, pool, broker)
    context.brokers.subscribe(key, _broker_key(pool), pool_consumer(raw, pool))
    try:
        seen = await _carry_out(observed, context)
    except LeftOverError:
        return _LEFT_OVER_SECONDS
    # Also where its template cannot be built: that holds up no change of size.
    if seen.deployment is not None:
        decided = _scale(pool, seen, context)
        problem = size_problem(pool, context.scaling.refusal(key), context.scaling.size(key).contested)
        seen = replace(seen, decided=decided, size_problem=problem)
    return await _report(observed, seen, context)


async def _carry_out(observed: Observed, context: Context) -> PoolSeen:
    """Apply what the pool becomes. A problem is part of the answer, not an error."""
    seen = _observe(observed, context)
    try:
        if observed.broker is None:
            return replace(seen, missing=await auto_create_broker(_broker_key(observed.pool), context))
        binding = BrokerBinding.of(Broker.parse(observed.broker))
        if (wrong := results_problem(observed.pool, seen.capabilities)) is not None:
            raise SpecError(wrong)
        applied = await _apply_deployment(observed, binding, context)
        await _apply_budget(observed, context)
        await _apply_network_policy(observed, context)
        await ensure_app_beat(observed.raw, observed.pool, binding, context)
    except NOT_APPLIED as error:
        why, final = not_applied(error, "WorkerPool")
        return replace(seen, stalled=why) if final else replace(seen, missing=why)
    except InvalidObject as error:  # the Broker's; its own status says the same
        return replace(seen, missing=(PoolReason.BROKER_NOT_READY, f"The Broker is not valid: {error}"))
    return replace(
        seen,
        deployment=applied.deployment,
        kept_template=applied.kept_template,
        broker_problem=broker_problem(observed.broker),
        runtime_version=seen.runtime_version if applied.kept_template else context.installation.version,
        requeued=context.brokers.requeued.get(observed.pool.metadata.uid, 0),
        requeue=await handle_requeue(observed.pool, context),
    )


def _broker_key(pool: WorkerPool) -> Key:
    return Key("Broker", pool.namespace, pool.spec.broker_ref.name)


def _is_unread(observed: Observed, context: Context) -> bool:
    """Whether the broker should answer and has not been asked yet, as after a restart of the operator."""
    broker = observed.broker
    return broker is not None and broker_problem(broker) is None and not context.brokers.asked(key_of(broker))


def _scale(pool: WorkerPool, seen: PoolSeen, context: Context) -> DecisionRecord | None:
    """Let the scaling loop see what has changed; its last decision."""
    obstacle = start_obstacle(seen.silent_pods, now=context.now())
    context.scaling.update(pool, _broker_key(pool), cannot_start=obstacle)
    return context.scaling.last(pool.key)


def _observe(observed: Observed, context: Context) -> PoolSeen:
    """What memory knows of the pool's children, before anything is changed."""
    key = observed.pool.key
    deployment = context.cache.get("Deployment", key.namespace, worker_deployment_name(observed.pool))
    if deployment is not None and not controlled_by(deployment, observed.raw):
        deployment = None
    pods = context.cache.children("Pod", key)
    workers = [pod for pod in pods if pod["metadata"]["labels"].get(COMPONENT) == WORKER]
    return PoolSeen(
        observed.pool,
        deployment=deployment,
        pods=workers,
        snapshot=context.brokers.snapshot(_broker_key(observed.pool)),
        held_in_silence=held_in_silence(
            _broker_key(observed.pool), [observed.pool.metadata.uid], workers, context
        ),
        capabilities=context.brokers.capabilities(_broker_key(observed.pool)),
        unread=_is_unread(observed, context),
        beat=see_app_beat(observed.pool, context),
        kept_template=outdated(observed.raw),
        runtime_version=status_of(observed.raw).get("runtimeVersion", ""),
    )


async def _apply_deployment(observed: Observed, binding: BrokerBinding, context: Context) -> Applied:
    """Bring the Deployment to its template, which may be that of another operator version. Its size is not ours."""
    pool = observed.pool
    key = Key("Deployment", pool.namespace, worker_deployment_name(pool))
    live = await context.children.find(key, owner=observed.raw)
    built = worker_deployment(pool, binding, context.installation)
    if live is None:
        seed = seed_deployment(pool, replicas=first_size(pool.spec))
        with in_words_of(seed, written_of(pool)):
            live = await context.replicas.create(seed)
    kept = Kept.of(live, built)
    if kept is not None and not take_turn(pool.key, context):
        built = worker_deployment(pool, binding, context.installation, kept=kept)
    else:
        kept = None
    with in_words_of(built, written_of(pool)):
        applied = await context.children.apply_if_changed(built, live, owner=observed.raw)
    return Applied(applied, kept is not None)


async def _apply_budget(observed: Observed, context: Context) -> None:
    pool = observed.pool
    key = Key("PodDisruptionBudget", pool.namespace, worker_pdb_name(pool))
    await context.children.ensure_or_remove(worker_pdb(pool), key, owner=observed.raw)


async def _apply_network_policy(observed: Observed, context: Context) -> None:
    pool = observed.pool
    key = Key("NetworkPolicy", pool.namespace, worker_network_policy_name(pool))
    built = worker_network_policy(pool)
    with in_words_of_policy(built, pool.spec.network_policy, "spec.networkPolicy"):
        await context.children.ensure_or_remove(built, key, owner=observed.raw)


async def _report(observed: Observed, seen: PoolSeen, context: Context) -> float | None:
    """Write the status, then emit events for what is new in it; seconds until the next attempt, if it must wait."""
    now = context.now()
    status = pool_status(seen, now=now)
    events = [_verdict_event(observed.raw, status)]
    if (decision := new_decision(observed.raw, context.scaling.made(observed.pool.key), now=now)) is not None:
        status |= with_decision(observed.raw, decision)
        if not status_of(observed.raw).get("lastDecision") and decision["to"]:
            # The Deployment was created with that size.
            events.append(
                Event(EventReason.SCALED, f"Scaled from 0 to {decision['to']} pods: {decision['message']}")
            )
    if "lastRequeue" in status:
        messages = status["lastRequeue"]["messages"]
        events.append(Event(EventReason.DEAD_LETTERS_REQUEUED, f"{messages} dead letters were requeued."))
    metrics.DEAD_LETTERS.labels(*observed.pool.key[1:]).set(status.get("deadLetters") or 0)

    def written() -> Iterator[Event | None]:
        context.brokers.told(observed.pool.metadata.uid, seen.requeued)
        yield from events
        yield from _size_events(observed.pool, context.scaling.size(observed.pool.key))

    wait = await write_status(observed.raw, status, context, written)
    return soonest(wait, context.children.due_in(observed.raw), *_next_looks(seen, context))


def _size_events(pool: WorkerPool, size: Size) -> Iterator[Event]:
    """What was written since the last call, by us and by others."""
    if (overwritten := size.take_overwritten()) is not None:
        yield overwritten_event(pool, overwritten)
    if (resized := size.take_resized()) is not None:
        before, after, why = resized
        yield Event(EventReason.SCALED, f"Scaled from {before} to {after} pods: {why}")


def _next_looks(seen: PoolSeen, context: Context) -> Iterator[float | None]:
    """Seconds until something may have changed that no watch reports."""
    yield context.scaling.next_look_in(seen.pool.key)
    yield patience([*seen.pods, *(seen.beat.pods if seen.beat is not None else ())], now=context.now())
    if seen.requeue is not None and seen.requeue.messages is None:
        yield _REQUEUE_AGAIN_SECONDS
    if seen.held_in_silence:
        yield _SILENCE_AGAIN_SECONDS
    if seen.kept_template and context.settings.upgrade_pools is UpgradePools.ONE_AT_A_TIME:
        yield _NEXT_TURN_SECONDS
    if seen.beat is not None and seen.beat.others:  # no event says when the other one is gone
        yield context.settings.recheck_interval
    reason = (seen.stalled or seen.missing or (None,))[0]
    if reason in (Reason.NAME_CONFLICT, Reason.BROKER_MISSING, Reason.APPLY_FAILED):
        yield context.settings.recheck_interval


def _verdict_event(raw: Object, status: Object) -> Event | None:
    """An event when the pool's Ready condition gets another reason."""
    verdict = status["conditions"][0]
    if verdict["reason"] in (reason_of(raw, ConditionType.READY), PoolReason.REPLICAS_OVERWRITTEN):
        return None  # each write of the latter has an event
    severity = (
        Severity.NORMAL if verdict["status"] == "True" or _passing(verdict["reason"]) else Severity.WARNING
    )
    return Event(verdict["reason"], verdict["message"], severity)


def _passing(reason: str) -> bool:
    """Whether a reason is a stage on the way, not trouble."""
    return reason in (Reason.PROGRESSING, PoolReason.PODS_NOT_READY, PoolReason.BROKER_NOT_READY)
