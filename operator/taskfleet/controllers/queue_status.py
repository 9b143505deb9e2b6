"""The status of a TaskQueue, from what was seen. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from taskfleet.api import Key, Object, TaskQueue, format_duration
from taskfleet.api.reasons import ConditionType, QueueReason
from taskfleet.brokers.queues.consumers import PoolConsumer
from taskfleet.brokers.queues.queue_stats import QueueStats
from taskfleet.controllers.conditions import Reasoned, condition, ready, reconciling, stalled
from taskfleet.controllers.request_results import RequestResult, answer, requested_by
from taskfleet.controllers.silence import Holder, sentence

_NUMBERS = (
    *("waiting", "waitingByPriority", "unacked", "oldestAge", "consumers"),
    *("arrivalRate", "completionRate", "otherRate"),
)


@dataclass(frozen=True)
class QueueSeen:
    """A TaskQueue and its observation. `figures` None: the broker does not answer, and `problem` says why."""

    queue: TaskQueue
    figures: QueueStats | None = None
    pools: Mapping[Key, PoolConsumer] = field(default_factory=dict)  # those that name the queue
    priority_steps: tuple[int, ...] = (0, 3, 6, 9)
    held_in_silence: tuple[Holder, ...] = ()
    problem: Reasoned | None = None
    purged: RequestResult | None = None

    @property
    def consumers(self) -> list[str]:
        """The pools that take what comes, or would if their pods were up."""
        consuming = self.figures.consuming if self.figures is not None else {}
        return [
            pool.name
            for pool, reader in sorted(self.pools.items())
            if reader.stopped is None and (reader.trouble is None or pool.name in consuming)
        ]


def queue_status(seen: QueueSeen, *, now: datetime) -> Object:
    generation = seen.queue.metadata.generation
    about = (
        f"The operator observes queue {seen.queue.queue_name!r} on Broker "
        f"{seen.queue.spec.broker_ref.name!r}."
    )
    verdict = seen.problem or (QueueReason.OBSERVED, about)
    return {
        "observedGeneration": generation,
        **_numbers(seen),
        "pools": seen.consumers[:100] or None,
        **answer("lastPurge", seen.purged, now, user=requested_by(seen.queue.metadata.annotations)),
        "conditions": [
            ready(seen.problem is None, *verdict, generation=generation),
            reconciling(None, generation=generation),
            stalled(None, generation=generation),
            _condition(seen, ConditionType.CONSUMED, consumed(seen, seen.figures) if seen.figures else None),
            _condition(seen, ConditionType.HEALTHY, healthy(seen, seen.figures) if seen.figures else None),
        ],
    }


def _condition(seen: QueueSeen, kind: ConditionType, verdict: tuple[bool, Reasoned] | None) -> Object:
    generation = seen.queue.metadata.generation
    if verdict is None:
        message = "The queue cannot be read. Check the Ready condition."
        unknown = condition(kind, False, QueueReason.UNKNOWN, message, generation=generation)
        return {**unknown, "status": "Unknown"}
    holds, why = verdict
    return condition(kind, holds, *why, generation=generation)


def consumed(seen: QueueSeen, figures: QueueStats) -> tuple[bool, Reasoned]:
    """Whether any consumer takes the messages."""
    able = seen.consumers
    if able:
        pods = sum(figures.consuming.get(name, 0) for name in able)
        count = (
            "1 pod is fetching"
            if pods == 1
            else f"{pods} pods are fetching"
            if pods
            else "no pods are fetching"
        )
        return True, (QueueReason.CONSUMED_BY_POOL, f"{_pools(able)}; {count}.")
    if figures.others:
        message = f"No WorkerPool consumes the queue, but other clients do: {figures.others}."
        return True, (QueueReason.CONSUMED_EXTERNALLY, message)
    if figures.rates.other > 0:
        message = (
            "No WorkerPool consumes the queue, but another client consumed messages during the last minute."
        )
        return True, (QueueReason.CONSUMED_EXTERNALLY, message)
    name, waiting = seen.queue.queue_name, figures.total
    wait = (
        "No messages wait"
        if not waiting
        else "1 message waits"
        if waiting == 1
        else f"{waiting} messages wait"
    )
    if not seen.pools:
        advice = "Add the queue to spec.queues of a WorkerPool."
        return False, (
            QueueReason.NO_CONSUMER,
            f"{wait} in queue `{name}`, and no WorkerPool consumes it. {advice}",
        )
    stopped = "; ".join(
        f"WorkerPool {pool.name!r} {reader.stopped or reader.trouble}"
        for pool, reader in sorted(seen.pools.items())
    )
    return False, (QueueReason.POOLS_STOPPED, f"{wait} in queue `{name}`: {stopped[:500]}.")


def healthy(seen: QueueSeen, figures: QueueStats) -> tuple[bool, Reasoned]:
    """Whether the queue is below its limits, and no message waits without a consumer."""
    if (held := sentence(seen.held_in_silence)) is not None:
        return False, (QueueReason.CONSUMERS_UNRESPONSIVE, held)
    alert = seen.queue.spec.alert_above
    if alert is not None and alert.waiting is not None and figures.total > alert.waiting:
        message = (
            f"{figures.total} messages wait, which is above alertAbove.waiting ({alert.waiting}). Add "
            "workers or raise the limit."
        )
        return False, (QueueReason.WAITING_ABOVE_ALERT, message)
    age = timedelta(seconds=figures.age or 0)
    if alert is not None and alert.age is not None and age > alert.age:
        message = (
            f"The oldest message has waited for an estimated {format_duration(age)}, which is "
            f"above alertAbove.age ({format_duration(alert.age)}). Add workers or raise the limit."
        )
        return False, (QueueReason.AGE_ABOVE_ALERT, message)
    if figures.total and not consumed(seen, figures)[0]:
        return False, (
            QueueReason.NOT_CONSUMED,
            "Messages wait without a consumer. Check the Consumed condition.",
        )
    limits = (
        "No messages wait without a consumer. alertAbove is not set."
        if alert is None
        else "Below alertAbove."
    )
    return True, (QueueReason.BELOW_ALERT, limits)


def _pools(names: list[str]) -> str:
    if len(names) == 1:
        return f"WorkerPool {names[0]!r} consumes it"
    shown = ", ".join(map(repr, names[:5])) + (" and others" if len(names) > 5 else "")
    return f"WorkerPools {shown} consume it"


def _numbers(seen: QueueSeen) -> Object:
    """None if the broker does not answer: an old figure would look like a new one."""
    figures = seen.figures
    if figures is None:
        return dict.fromkeys(_NUMBERS)
    age = None if figures.age is None else format_duration(timedelta(seconds=figures.age))
    told: Mapping[str, Any] = {
        "waiting": figures.total,
        "waitingByPriority": _by_priority(seen.priority_steps, figures.waiting),
        "unacked": figures.unacked,
        "oldestAge": age,
        "consumers": sum(figures.consuming.values()) + figures.others,
        "arrivalRate": figures.rates.arrival,
        "completionRate": figures.rates.completion,
        "otherRate": figures.rates.other or None,
    }
    return dict(told)


def _by_priority(steps: tuple[int, ...], waiting: tuple[int, ...]) -> list[Object] | None:
    """Only where priorities are used at all."""
    if not any(waiting[1:]):
        return None
    pairs = zip(steps, waiting, strict=False)
    return [{"priority": step, "waiting": count} for step, count in pairs if count]
