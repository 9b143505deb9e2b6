"""What is reported of a WorkerPool: its status, the events that are new in it, and when to look again. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from taskfleet.api import Key, Object
from taskfleet.api.reasons import ConditionType, EventReason, PoolReason, Reason
from taskfleet.api.stored import status_of
from taskfleet.brokers.failures.failed_task import Action
from taskfleet.controllers.broker_ready import broker_problem
from taskfleet.controllers.conditions import reason_of
from taskfleet.controllers.plan import Apply, Outcome, Plan, PodTemplate, soonest
from taskfleet.controllers.pod_trouble import patience
from taskfleet.controllers.pool_plan import PoolInputs
from taskfleet.controllers.pool_scaling import new_decision, overwritten_event, with_decision
from taskfleet.controllers.pool_status import PoolSeen, pool_status
from taskfleet.controllers.request_results import as_requested_by
from taskfleet.kube.event import Event, Severity
from taskfleet.kube.resource_types import key_of
from taskfleet.resources.worker_deployment import worker_deployment_name
from taskfleet.scaling.decision_record import DecisionRecord
from taskfleet.scaling.size import SizeNews

_REQUEUE_AGAIN_SECONDS = 2.0
_SILENCE_AGAIN_SECONDS = 10.0  # no event says that a node is lost
_NEXT_TURN_SECONDS = 2.0  # no event tells a waiting pool that the previous rollout has ended


@dataclass(frozen=True)
class Rechecks:
    """What the settings say about looking again. `interval`: seconds, at what no watch reports."""

    interval: float
    one_at_a_time: bool = False  # outdated pools are rolled one after another


@dataclass(frozen=True)
class ScalingSeen:
    """What the scaling loop has to tell."""

    made: DecisionRecord | None = None  # the last decision, with what it was made from
    news: SizeNews = field(default_factory=SizeNews)
    recycled: tuple[str, ...] = ()  # a sentence for each pod that is recycled since the last report
    next_look: float | None = None  # seconds until something is tried again


def seen_after(
    seen: PoolSeen, inputs: PoolInputs, plan: Plan, outcome: Outcome, *, requeued: int = 0
) -> PoolSeen:
    """What there is of the pool once its plan was carried out, as far as it could be."""
    if outcome.problem is not None:
        why = outcome.problem.why
        return replace(seen, stalled=why) if outcome.problem.final else replace(seen, missing=why)
    key = Key("Deployment", seen.pool.namespace, worker_deployment_name(seen.pool))
    kept = any(isinstance(one, Apply) and one.template is PodTemplate.KEPT for one in plan.children)
    return replace(
        seen,
        deployment=next(one for one in outcome.live if key_of(one) == key),
        kept_template=kept,
        broker_problem=broker_problem(inputs.broker) if inputs.broker is not None else None,
        runtime_version=seen.runtime_version if kept else inputs.installation.version,
        requeued=requeued,
        requeue=outcome.result,
        forgotten=outcome.forgotten,
        failed_tasks=outcome.failed_tasks,
    )


def pool_report(
    raw: Object, seen: PoolSeen, scaling: ScalingSeen, rechecks: Rechecks, *, now: datetime
) -> Plan:
    """`raw`: the pool as it is stored."""
    decision = new_decision(raw, scaling.made, now=now)
    status = pool_status(seen, now=now) | (with_decision(raw, decision) if decision is not None else {})
    return Plan(
        status=status,
        events=(
            *_verdict_event(raw, status),
            *_creation_event(raw, decision),
            *_dead_letters_events(status),
            *_failed_tasks_event(status),
            *_size_events(seen, scaling.news),
            *(Event(EventReason.RECYCLED, sentence) for sentence in scaling.recycled),
        ),
        look_again=soonest(scaling.next_look, *_next_looks(seen, rechecks, now)),
    )


def _verdict_event(raw: Object, status: Object) -> Iterator[Event]:
    """When the pool's Ready condition gets another reason."""
    verdict = status["conditions"][0]
    if verdict["reason"] in (reason_of(raw, ConditionType.READY), PoolReason.REPLICAS_OVERWRITTEN):
        return  # each write of the latter has an event
    fine = verdict["status"] == "True" or _passing(verdict["reason"])
    yield Event(verdict["reason"], verdict["message"], Severity.NORMAL if fine else Severity.WARNING)


def _passing(reason: str) -> bool:
    """Whether a reason is a stage on the way, not trouble."""
    return reason in (Reason.PROGRESSING, PoolReason.PODS_NOT_READY, PoolReason.BROKER_NOT_READY)


def _creation_event(raw: Object, decision: Object | None) -> Iterator[Event]:
    """The Deployment was created with the size of the first decision."""
    if decision is not None and decision["to"] and not status_of(raw).get("lastDecision"):
        yield Event(EventReason.SCALED, f"Scaled from 0 to {decision['to']} pods: {decision['message']}")


def _dead_letters_events(status: Object) -> Iterator[Event]:
    for name, reason, done in (
        ("lastRequeue", EventReason.DEAD_LETTERS_REQUEUED, "requeued"),
        ("lastForget", EventReason.DEAD_LETTERS_FORGOTTEN, "removed"),
    ):
        if (last := status.get(name)) is not None:
            by = as_requested_by(last.get("requestedBy", ""))
            yield Event(reason, f"{last['messages']} dead letters were {done}{by}.")


def _failed_tasks_event(status: Object) -> Iterator[Event]:
    last = status.get("lastFailedTasks")
    if last is None:
        return
    by = as_requested_by(last.get("requestedBy", ""))
    if "refused" in last:
        yield Event(EventReason.FAILED_TASKS_REFUSED, f"{last['refused']}{by}", Severity.WARNING)
    elif last["action"] == Action.FORGET:
        yield Event(EventReason.FAILED_TASKS_FORGOTTEN, f"{last['tasks']} failed tasks were forgotten{by}.")
    else:
        yield Event(EventReason.FAILED_TASKS_RETRIED, f"{last['tasks']} failed tasks were sent again{by}.")


def _size_events(seen: PoolSeen, news: SizeNews) -> Iterator[Event]:
    """What was written, by us and by others."""
    if news.overwritten is not None:
        yield overwritten_event(seen.pool, news.overwritten)
    if news.resized is not None:
        before, after, why = news.resized
        yield Event(EventReason.SCALED, f"Scaled from {before} to {after} pods: {why}")


def _next_looks(seen: PoolSeen, rechecks: Rechecks, now: datetime) -> Iterator[float | None]:
    """Seconds until something may have changed that no watch reports."""
    yield patience([*seen.pods, *(seen.beat.pods if seen.beat is not None else ())], now=now)
    if any(one is not None and one.messages is None for one in (seen.requeue, seen.forgotten)):
        yield _REQUEUE_AGAIN_SECONDS
    failed = seen.failed_tasks
    if failed is not None and failed.handled is None and failed.refused is None:
        yield _REQUEUE_AGAIN_SECONDS
    if seen.held_in_silence:
        yield _SILENCE_AGAIN_SECONDS
    if seen.kept_template and rechecks.one_at_a_time:
        yield _NEXT_TURN_SECONDS
    if seen.beat is not None and seen.beat.others:  # no event says when the other one is gone
        yield rechecks.interval
    reason = (seen.stalled or seen.missing or (None,))[0]
    if reason in (Reason.NAME_CONFLICT, Reason.BROKER_MISSING, Reason.APPLY_FAILED):
        yield rechecks.interval
