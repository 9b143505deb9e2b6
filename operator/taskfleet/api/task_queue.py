"""TaskQueue: one named queue on a broker, and what is seen on it."""

from typing import Annotated

from taskfleet.api.base import Model, Resource, Timestamp
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, Status
from taskfleet.api.quantities import Count, Duration, PositiveDuration
from taskfleet.api.queue_name import QueueName
from taskfleet.api.references import BrokerRef
from taskfleet.api.requests import UserName
from taskfleet.api.schema import Column, FollowsLoad, Limits, Rule


class AlertAbove(Model):
    """The limits above which the queue is unhealthy."""

    rules = (
        Rule(
            "has(self.waiting) || has(self.age)",
            "alertAbove is empty: set waiting, age or both, or remove it.",
        ),
    )

    waiting: Count | None = None
    """The number of waiting messages."""

    age: PositiveDuration | None = None
    """The age of the oldest message."""


class TaskQueueSpec(Model):
    """The queue to observe."""

    broker_ref: BrokerRef = BrokerRef()
    """The Broker that holds the queue."""

    queue_name: QueueName | None = None
    """The queue's name on the broker. Defaults to the name of this object. It cannot change."""

    alert_above: AlertAbove | None = None
    """The limits above which the condition Healthy is False."""

    purge: Annotated[str, Limits(maxLength=100)] | None = None
    """Each new value removes all waiting messages once, unless the queue has consumers. Use any text. A value that
    ends with the word force removes the messages in any case. `kubectl taskfleet purge` sets it."""


class Purge(Model):
    """The result of a value of spec.purge."""

    token: str
    """The value."""

    time: Timestamp
    """When the purge was done or refused."""

    messages: Count = 0
    """The number of removed messages."""

    refused: str | None = None
    """Why no messages were removed."""

    requested_by: UserName | None = None
    """Who requested it, as the annotation taskfleet.dev/requested-by says."""


class PriorityCount(Model):
    """The waiting messages of one priority."""

    priority: Annotated[int, Limits(minimum=0, maximum=255)]
    """The step of the Broker's prioritySteps. 0 is the highest priority."""

    waiting: Count
    """Waiting messages."""


class TaskQueueStatus(Status):
    """The observed state of the queue."""

    waiting: Annotated[Count | None, FollowsLoad()] = None
    """Waiting messages of all priorities."""

    waiting_by_priority: Annotated[list[PriorityCount], Limits(maxItems=16), FollowsLoad()] = []
    """Waiting messages by priority. Set only if a message has a priority other than 0."""

    unacked: Annotated[Count | None, FollowsLoad()] = None
    """Unacknowledged messages that pods of WorkerPools hold: running, prefetched, or waiting for their ETA."""

    oldest_age: Annotated[Duration | None, FollowsLoad()] = None
    """How long the oldest message has waited. This is an estimate, because brokers do not record the time."""

    consumers: Annotated[Count | None, FollowsLoad()] = None
    """Pods of WorkerPools that consume the queue; on RabbitMQ all other consumers too."""

    pools: Annotated[list[str], Limits(maxItems=100)] = []
    """WorkerPools that consume the queue, including those that have no pods at the moment. Suspended pools are left
    out."""

    arrival_rate: Annotated[float | None, FollowsLoad()] = None
    """Messages per second that arrived during the last minute."""

    completion_rate: Annotated[float | None, FollowsLoad()] = None
    """Messages per second that left during the last minute, completed by pods or removed in another way."""

    other_rate: Annotated[float | None, FollowsLoad()] = None
    """The part of completionRate that no pod completed: taken by other workers, or discarded as revoked or expired."""

    last_purge: Purge | None = None
    """The last value of spec.purge that was handled."""


FORCE = "force"
"""The last word of a value of spec.purge that purges the queue even if it has consumers."""

# The queue's name on the broker, also where the spec leaves it out.
_QUEUE = "(has({0}.spec.queueName) ? {0}.spec.queueName : {0}.metadata.name)"


class TaskQueue(Resource):
    """Observes one named queue on a broker. Deleting a TaskQueue does not delete messages."""

    rules = (
        *Resource.rules,
        Rule(
            f"{_QUEUE.format('self')} == {_QUEUE.format('oldSelf')}",
            "queueName cannot change: create another TaskQueue for the other queue, and delete this one.",
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
    """The queue to observe."""

    status: TaskQueueStatus = TaskQueueStatus()
    """The observed state, written by the operator."""

    @property
    def queue_name(self) -> str:
        """The queue's name on the broker."""
        return self.spec.queue_name or self.name
