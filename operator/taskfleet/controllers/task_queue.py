"""TaskQueue: what is seen on one queue, and its purge. Nothing is made of it."""

from taskfleet.api import Key, Object, TaskQueue
from taskfleet.api.reasons import ConditionType, EventReason, QueueReason, Reason
from taskfleet.api.stored import condition_of
from taskfleet.brokers.queues.consumers import QueueObserver
from taskfleet.controllers.broker_ready import broker_problem
from taskfleet.controllers.conditions import Reasoned
from taskfleet.controllers.context import Context
from taskfleet.controllers.purge import handle_purge
from taskfleet.controllers.queue_status import QueueSeen, queue_status
from taskfleet.controllers.request_results import RequestResult
from taskfleet.controllers.shell import reconcile_parsed, soonest, write_status
from taskfleet.controllers.silence import in_queue
from taskfleet.controllers.silent_holders import held_in_silence
from taskfleet.kube.event import Event, Severity

_PURGE_AGAIN_SECONDS = 1.0
_SILENCE_AGAIN_SECONDS = 10.0  # no event says that a node is lost
_TOLD = (ConditionType.CONSUMED, ConditionType.HEALTHY)


async def reconcile(key: Key, context: Context) -> float | None:
    """Write what was observed of one queue; seconds until the next reconciliation."""
    return await reconcile_parsed(key, context, TaskQueue, _reconcile, forget=_forget, unreadable=_forget)


def _forget(key: Key, context: Context) -> None:
    context.brokers.audience.forget(key)


async def _reconcile(raw: Object, queue: TaskQueue, context: Context) -> float | None:
    key = queue.key
    broker = Key("Broker", queue.namespace, queue.spec.broker_ref.name)
    context.brokers.audience.look_for(key, broker, _onlooker(queue))
    problem = _problem(broker, context)
    figures = context.brokers.board.figures(broker, key)
    if figures is None and problem is None:
        return None  # its first poll is in progress, and will show
    layout = context.brokers.layout(broker)
    pools = context.brokers.audience.consumers(broker, queue.queue_name)
    held = held_in_silence(
        broker,
        [reader.uid for reader in pools.values()],
        context.cache.all("Pod", key.namespace),
        context,
    )
    seen = QueueSeen(
        queue,
        figures=figures if problem is None else None,
        pools=pools,
        held_in_silence=in_queue(held, queue.queue_name),
        priority_steps=layout.priority_steps if layout is not None else (),
        problem=problem,
        purged=await handle_purge(queue, broker, figures, context),
    )
    return await _report(raw, seen, context)


def _onlooker(queue: TaskQueue) -> QueueObserver:
    alert = queue.spec.alert_above
    age = alert.age.total_seconds() if alert is not None and alert.age is not None else None
    return QueueObserver(queue.queue_name, alert.waiting if alert is not None else None, age)


def _problem(broker: Key, context: Context) -> Reasoned | None:
    """Why the queue cannot be read."""
    raw = context.cache.get(*broker)
    if raw is None:
        advice = "Create the Broker. A Broker named default is created with the first WorkerPool."
        return Reason.BROKER_MISSING, f"Broker {broker.name!r} does not exist in this namespace. {advice}"
    why = broker_problem(raw)
    return None if why is None else (QueueReason.BROKER_NOT_READY, why)


async def _report(raw: Object, seen: QueueSeen, context: Context) -> float | None:
    """Write the status, then emit events for what is new in it."""
    status = queue_status(seen, now=context.now())
    wait = await write_status(
        raw, status, context, lambda: (*_changes(raw, status), *_purge_event(seen.purged))
    )
    unanswered = seen.purged is not None and seen.purged.messages is None and seen.problem is None
    return soonest(
        wait,
        _PURGE_AGAIN_SECONDS if unanswered else None,
        _SILENCE_AGAIN_SECONDS if seen.held_in_silence else None,
    )


def _changes(raw: Object, status: Object) -> list[Event]:
    """An event for each condition that has changed; a new healthy queue needs none."""
    events = []
    for verdict in status["conditions"]:
        before = condition_of(raw, verdict["type"])
        was = before["status"] if before is not None and before["status"] != "Unknown" else "True"
        if verdict["type"] in _TOLD and verdict["status"] not in (was, "Unknown"):
            severity = Severity.NORMAL if verdict["status"] == "True" else Severity.WARNING
            events.append(Event(verdict["reason"], verdict["message"], severity))
    return events


def _purge_event(purged: RequestResult | None) -> list[Event]:
    if purged is None or purged.messages is None:
        return []
    if purged.refused is not None:
        return [Event(EventReason.PURGE_REFUSED, purged.refused, Severity.WARNING)]
    return [Event(EventReason.PURGED, f"{purged.messages} messages were removed.")]
