"""TaskQueue: one named queue on a broker, and what is seen on it."""

from typing import Annotated

from taskfleet.api.base import Model, Resource, Timestamp
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, Status
from taskfleet.api.quantities import Duration, PositiveDuration
from taskfleet.api.queue_name import QueueName
from taskfleet.api.references import BrokerRef
from taskfleet.api.schema import Column, Limits, Rule


class AlertAbove(Model):
    """When the queue counts as unhealthy."""

    rules = (
        Rule(
            "has(self.waiting) || has(self.age)",
            "alertAbove is empty: set waiting, age or both, or remove it.",
        ),
    )

    waiting: Annotated[int, Limits(minimum=0)] | None = None
    """More waiting messages than this."""

    age: PositiveDuration | None = None
    """An oldest message older than this."""


class TaskQueueSpec(Model):
    """Which queue to look at."""

    broker_ref: BrokerRef = BrokerRef()
    """The Broker that holds the queue."""

    queue_name: QueueName | None = None
    """The queue's name on the broker; by default the name of this object. It cannot change."""

    alert_above: AlertAbove | None = None
    """When the condition Healthy turns False."""

    purge: Annotated[str, Limits(maxLength=100)] | None = None
    """Each new value removes all waiting messages once, unless somebody consumes the queue. Any text will
    do; one that ends with the word force removes them in any case. `kubectl taskfleet purge` sets it."""


class Purge(Model):
    """What became of a value of spec.purge."""

    token: str
    """The value."""

    time: Timestamp
    """When it was carried out or refused."""

    messages: Annotated[int, Limits(minimum=0)] = 0
    """How many messages were removed."""

    refused: str | None = None
    """Why nothing was removed."""


class PriorityCount(Model):
    """What waits with one priority."""

    priority: Annotated[int, Limits(minimum=0, maximum=255)]
    """The step of the Broker's prioritySteps; 0 is the most urgent."""

    waiting: Annotated[int, Limits(minimum=0)]
    """Messages that wait."""


class TaskQueueStatus(Status):
    """What was seen on the queue."""

    waiting: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that wait, all priorities together."""

    waiting_by_priority: Annotated[list[PriorityCount], Limits(maxItems=16)] = []
    """The same by priority, where any message has another than 0."""

    unacked: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that pods of WorkerPools hold: running, prefetched, or waiting for their time."""

    oldest_age: Duration | None = None
    """How long the oldest message has waited; an estimate, because brokers do not keep the time."""

    consumers: Annotated[int, Limits(minimum=0)] | None = None
    """Pods of WorkerPools that fetch from the queue; on RabbitMQ all other consumers too."""

    pools: Annotated[list[str], Limits(maxItems=100)] = []
    """WorkerPools that read the queue, those without a pod at the moment too. Not those that are suspended."""

    arrival_rate: float | None = None
    """Messages a second that came in during the last minute."""

    completion_rate: float | None = None
    """Messages a second that left during the last minute, finished by pods or in another way."""

    other_rate: float | None = None
    """Those among them that no pod finished: taken by other workers, or discarded as revoked or expired."""

    last_purge: Purge | None = None
    """The last value of spec.purge that was looked at."""


FORCE = "force"
"""The last word of a value of spec.purge that is carried out whoever consumes the queue."""

# The queue's name on the broker, also where the spec leaves it out.
_QUEUE = "(has({0}.spec.queueName) ? {0}.spec.queueName : {0}.metadata.name)"


class TaskQueue(Resource):
    """One named queue on a broker, and what is seen on it. Deleting it never touches messages."""

    rules = (
        *Resource.rules,
        Rule(
            f"{_QUEUE.format('self')} == {_QUEUE.format('oldSelf')}",
            "queueName cannot change: make another TaskQueue for the other queue, and delete this one.",
            field="spec.queueName",
        ),
    )
    columns = (
        Column("Waiting", ".status.waiting", "integer"),
        Column("Unacked", ".status.unacked", "integer"),
        Column("Oldest", ".status.oldestAge"),
        Column("In/s", ".status.arrivalRate", "number"),
        Column("Out/s", ".status.completionRate", "number"),
        Column("Pools", ".status.pools"),
        Column("Healthy", '.status.conditions[?(@.type=="Healthy")].status'),
        Column("Consumed", '.status.conditions[?(@.type=="Consumed")].status', wide=True),
        Column("Consumers", ".status.consumers", "integer", wide=True),
        Column("Queue", ".spec.queueName", wide=True),
        Column("Broker", ".spec.brokerRef.name", wide=True),
        Column("Status", READY_REASON, wide=True),
        Column("Message", READY_MESSAGE, wide=True),
    )

    spec: TaskQueueSpec = TaskQueueSpec()
    """Which queue to look at."""

    status: TaskQueueStatus = TaskQueueStatus()
    """What was seen; written by the operator."""

    @property
    def queue_name(self) -> str:
        """The queue's name on the broker."""
        return self.spec.queue_name or self.name
