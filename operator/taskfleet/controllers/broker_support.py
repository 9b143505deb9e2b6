"""Features that a kind of broker lacks, reported by the objects that use them. Pure."""

from datetime import timedelta

from taskfleet.api import Broker, Object, WorkerPool, format_duration
from taskfleet.api.reasons import BrokerReason, ConditionType, PoolReason
from taskfleet.brokers.capabilities import Capabilities
from taskfleet.controllers.conditions import condition

# RabbitMQ's own default since 3.8.17. No AMQP client can ask for the server's setting.
CONSUMER_TIMEOUT = timedelta(minutes=30)
_TIMEOUT = f"RabbitMQ's consumer_timeout ({format_duration(CONSUMER_TIMEOUT)} by default)"


def broker_support(broker: Broker, capabilities: Capabilities | None) -> list[Object]:
    """The condition of a Broker that cannot do everything; none where it can, as before where that is not known."""
    if capabilities is None:
        before = broker.status.condition(ConditionType.FULLY_SUPPORTED)
        return [] if before is None or broker.spec.managed else [before.to_object()]
    if capabilities.taskfleet_state:
        return []
    message = (
        f"{capabilities.name} redelivers unacknowledged messages when a worker disconnects. Not "
        f"supported on {capabilities.name}: strict queue order, zero prefetch, tasks that run or "
        f"wait for their ETA for longer than {_TIMEOUT}, PeriodicSchedules, dead letters, "
        "records of failed tasks, results in the broker, and the lock of an app's own beat. See docs/reference/rabbitmq.md."
    )
    generation = broker.metadata.generation
    return [
        condition(
            ConditionType.FULLY_SUPPORTED, False, BrokerReason.REDIS_REQUIRED, message, generation=generation
        )
    ]


def pool_support(pool: WorkerPool, capabilities: Capabilities | None) -> list[Object]:
    """The condition of a pool on such a broker: whether it asks for what that cannot do."""
    if capabilities is None:
        before = pool.status.condition(ConditionType.FULLY_SUPPORTED)
        return [] if before is None else [before.to_object()]
    if capabilities.taskfleet_state:
        return []
    found = (each(pool, capabilities) for each in (_order, _time, _failures))
    lacks = [why for why in found if why is not None]
    reason = lacks[0][0] if lacks else PoolReason.SUPPORTED
    message = " ".join(sentence for _, sentence in lacks) or (
        f"{capabilities.name} supports everything that this pool uses."
    )
    generation = pool.metadata.generation
    return [condition(ConditionType.FULLY_SUPPORTED, not lacks, reason, message, generation=generation)]


def results_problem(pool: WorkerPool, capabilities: Capabilities | None) -> str | None:
    """Why a pool cannot be built on this broker; only another spec helps."""
    results = pool.spec.result_backend
    if capabilities is None or capabilities.result_databases or results is None or results.broker is None:
        return None
    return (
        "spec.resultBackend.broker requires a Redis database, but the broker is a "
        f"{capabilities.name}. Set urlSecretRef or scheme of spec.resultBackend instead, or remove "
        "spec.resultBackend to use the app's setting."
    )


def _order(pool: WorkerPool, capabilities: Capabilities) -> tuple[PoolReason, str] | None:
    spec = pool.spec
    if capabilities.strict_order or spec.queue_order != "Strict" or len(pool.queues) < 2:
        return None
    sentence = (
        f"spec.queueOrder Strict is supported on Redis only: {capabilities.name} delivers from "
        "all queues in turn. Use a WorkerPool for each queue, or priorities."
    )
    return PoolReason.QUEUE_ORDER_NOT_SUPPORTED, sentence


def _time(pool: WorkerPool, capabilities: Capabilities) -> tuple[PoolReason, str] | None:
    limit = pool.spec.time_limit
    if (
        capabilities.lease_renewal
        or pool.spec.acknowledge == "Early"
        or (limit is not None and limit < CONSUMER_TIMEOUT)
    ):
        return None
    now = "is not set" if limit is None else f"is {format_duration(limit)}"
    sentence = (
        f"spec.timeLimit {now}: a task that runs for longer than {_TIMEOUT} is redelivered to "
        "another worker and runs twice. Set a lower limit, or raise consumer_timeout on the "
        "server."
    )
    return PoolReason.CONSUMER_TIMEOUT, sentence


def _failures(pool: WorkerPool, capabilities: Capabilities) -> tuple[PoolReason, str] | None:
    """Only what is asked for: by default failed tasks are recorded where that is possible."""
    failures = pool.spec.failures
    if not (failures.messages or failures.arguments):
        return None
    sentence = (
        f"spec.failures is supported on Redis only: {capabilities.name} keeps no records of failed tasks. Remove it, or "
        "use a result backend."
    )
    return PoolReason.FAILURES_NOT_SUPPORTED, sentence
