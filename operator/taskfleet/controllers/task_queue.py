"""TaskQueue: what is seen on one queue, and its purge. Nothing is made of it."""

from taskfleet.api import Key, Object, TaskQueue
from taskfleet.brokers.queues.consumers import QueueObserver
from taskfleet.controllers.broker_ready import broker_of
from taskfleet.controllers.context import Context
from taskfleet.controllers.execution import execute
from taskfleet.controllers.purge_plan import plan_purge
from taskfleet.controllers.queue_report import queue_report, reading_problem, seen_after
from taskfleet.controllers.queue_status import QueueSeen
from taskfleet.controllers.shell import reconcile_parsed, write_report
from taskfleet.controllers.silence import in_queue
from taskfleet.controllers.silent_holders import held_in_silence


async def reconcile(key: Key, context: Context) -> float | None:
    """Write what was observed of one queue; seconds until the next reconciliation."""
    return await reconcile_parsed(key, context, TaskQueue, _reconcile, forget=_forget, unreadable=_forget)


def _forget(key: Key, context: Context) -> None:
    context.brokers.audience.forget(key)


async def _reconcile(raw: Object, queue: TaskQueue, context: Context) -> float | None:
    broker = broker_of(queue)
    context.brokers.audience.look_for(queue.key, broker, _onlooker(queue))
    seen = _observe(queue, broker, context)
    if seen.figures is None and seen.problem is None:
        return None  # its first poll is in progress, and will show
    outcome = await execute(plan_purge(queue, broker, seen.figures), raw, context)
    report = queue_report(raw, seen_after(seen, outcome), now=context.now())
    return await write_report(report, raw, context)


def _onlooker(queue: TaskQueue) -> QueueObserver:
    alert = queue.spec.alert_above
    age = alert.age.total_seconds() if alert is not None and alert.age is not None else None
    return QueueObserver(queue.queue_name, alert.waiting if alert is not None else None, age)


def _observe(queue: TaskQueue, broker: Key, context: Context) -> QueueSeen:
    """What memory knows of the queue."""
    layout = context.brokers.layout(broker)
    pools = context.brokers.audience.consumers(broker, queue.queue_name)
    pods = context.cache.all("Pod", queue.namespace)
    held = held_in_silence(broker, [reader.uid for reader in pools.values()], pods, context)
    return QueueSeen(
        queue,
        figures=context.brokers.board.figures(broker, queue.key),
        pools=pools,
        held_in_silence=in_queue(held, queue.queue_name),
        priority_steps=layout.priority_steps if layout is not None else (),
        problem=reading_problem(broker, context.cache.get(*broker)),
    )
