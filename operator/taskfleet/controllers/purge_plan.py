"""Whether a queue is purged as `spec.purge` of its TaskQueue asks, or why not. Pure."""

from taskfleet.api import Key, TaskQueue
from taskfleet.api.task_queue import FORCE
from taskfleet.brokers.queues.queue_stats import QueueStats
from taskfleet.controllers.plan import Plan, PurgeQueue
from taskfleet.controllers.request_results import RequestResult, requested_by

# Other consumers are detected by the messages that they fetch, and that takes a few polls.
_WATCHED_SECONDS = 8.0


def pending_request(queue: TaskQueue) -> str | None:
    """A value of spec.purge that has no answer yet."""
    token, answered = queue.spec.purge, queue.status.last_purge
    return None if not token or (answered is not None and answered.token == token) else token


def forced(token: str) -> bool:
    return token.split()[-1:] == [FORCE]


def refusal(figures: QueueStats) -> str | None:
    """Why a queue is not purged unless it is forced."""
    way_out = f"Suspend them first, or set a new value of spec.purge that ends with the word {FORCE}."
    if figures.consuming:
        pools = ", ".join(f"{name} ({_pods(count)})" for name, count in sorted(figures.consuming.items()))
        return f"The queue is consumed by WorkerPools: {pools}. {way_out}"
    if figures.undrained:
        return (
            f"{_pods(figures.undrained)} of its WorkerPools are still draining and may requeue "
            f"messages. {way_out}"
        )
    if figures.others:
        return (
            f"The queue is consumed by clients outside of Taskfleet: {figures.others}. "
            f"{way_out.replace('Suspend', 'Stop')}"
        )
    if figures.rates.other > 0:
        return (
            "Clients outside of Taskfleet consumed messages during the last minute. "
            f"{way_out.replace('Suspend', 'Stop')}"
        )
    return None


def plan_purge(queue: TaskQueue, broker: Key, figures: QueueStats | None) -> Plan:
    """The removal, or the answer without one; nothing where nothing new is asked for."""
    token = pending_request(queue)
    if token is None:
        return Plan()
    if figures is None:
        return Plan(results=(RequestResult(token),))
    if not forced(token):
        if (why := refusal(figures)) is not None:
            return Plan(results=(RequestResult(token, 0, why),))
        if figures.total and figures.watched_for < _WATCHED_SECONDS:
            return Plan(results=(RequestResult(token),))
    user = requested_by(queue.metadata.annotations)
    purge = PurgeQueue(queue.key, queue.metadata.uid, broker, queue.queue_name, token, user)
    return Plan(requests=(purge,))


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"
