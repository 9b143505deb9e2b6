"""TaskQueue: one named queue on a broker, and what is seen on it."""

from typing import Annotated

from taskfleet.api.base import Model, Resource, Timestamp
from taskfleet.api.conditions import Status
from taskfleet.api.quantities import Duration
from taskfleet.api.references import BrokerRef
from taskfleet.api.schema import Limits


class AlertAbove(Model):
    """When the queue counts as unhealthy."""

    waiting: Annotated[int, Limits(minimum=0)] | None = None
    """More waiting messages than this."""

    age: Duration | None = None
    """An oldest message older than this."""


class TaskQueueSpec(Model):
    """Which queue to look at."""

    broker_ref: BrokerRef = BrokerRef()
    """The Broker that holds the queue."""

    queue_name: Annotated[str, Limits(minLength=1, maxLength=200)] | None = None
    """The queue's name on the broker; by default the name of this object. It cannot change."""

    alert_above: AlertAbove | None = None
    """When the condition Healthy turns False."""

    purge: Annotated[str, Limits(maxLength=100)] | None = None
    """Each new value removes all waiting messages once, unless somebody consumes the queue. Any text will
    do; `kubectl taskfleet purge` sets it."""


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


class TaskQueueStatus(Status):
    """What was seen on the queue."""

    waiting: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that wait, all priorities together."""

    unacked: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that workers hold."""

    oldest_age: Duration | None = None
    """How long the oldest message has waited; an estimate, because brokers do not keep the time."""

    consumers: Annotated[int, Limits(minimum=0)] | None = None
    """Pods that consume the queue."""

    pools: Annotated[list[str], Limits(maxItems=100)] = []
    """WorkerPools that consume the queue."""

    arrival_rate: float | None = None
    """Messages a second that came in during the last minute."""

    completion_rate: float | None = None
    """Messages a second that were finished during the last minute."""

    last_purge: Purge | None = None
    """The last value of spec.purge that was looked at."""


class TaskQueue(Resource):
    """One named queue on a broker, and what is seen on it. Deleting it never touches messages."""

    spec: TaskQueueSpec = TaskQueueSpec()
    """Which queue to look at."""

    status: TaskQueueStatus = TaskQueueStatus()
    """What was seen; written by the operator."""

    @property
    def queue_name(self) -> str:
        """The queue's name on the broker."""
        return self.spec.queue_name or self.name
