"""Broker: where queues live, a managed Redis or an external URL."""

from datetime import timedelta
from typing import Annotated

from taskfleet.api.base import Model, Resource
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, READY_STATUS, Status
from taskfleet.api.external_broker import External
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.api.pod import IMAGE_RULE, AnyObject, Resources
from taskfleet.api.pod_template import SchedulesTemplate
from taskfleet.api.quantities import Count, MemorySize, PositiveDuration
from taskfleet.api.references import ObjectName
from taskfleet.api.schema import PRINTABLE_RULE, Column, FollowsLoad, Limits, Rule

DEFAULT_SIZE = "1Gi"


class Storage(Model):
    """The volume that holds the data of a managed Redis."""

    size: MemorySize = DEFAULT_SIZE
    """The volume's size. It can grow, not shrink."""

    storage_class_name: ObjectName | None = None
    """The storage class; by default the cluster's own default. It cannot change."""

    retain_on_delete: bool = True
    """Keeps the volume and the password when the Broker is deleted. A new Broker of the same name reuses them, with
    all messages."""


class Redis(Model):
    """A Redis that the operator runs."""

    image: Annotated[str, Limits(minLength=1, maxLength=1000), IMAGE_RULE] | None = None
    """The Redis image. Defaults to the image that the operator was installed with."""

    storage: Storage = Storage()
    """The volume that holds the data."""

    max_memory: MemorySize = "256Mi"
    """Redis's maxmemory. When it is reached, Redis refuses new messages and drops none."""

    resources: Resources = Resources()
    """CPU and memory of the Redis container. The memory defaults to a value derived from maxMemory."""

    network_policy: NetworkPolicy | None = None
    """Allows connections only from the namespace's workers and beats, the operator, and the peers in admit. By
    default there is no NetworkPolicy, and every pod that has the password can connect."""

    template: AnyObject = {}
    """A pod template that is merged into the one that the operator builds, as `kubectl patch` merges. The Redis
    container is named redis."""


class Schedules(Model):
    """The beat that sends the broker's PeriodicSchedules."""

    resources: Resources = Resources()
    """CPU and memory of beat. Defaults to requests of 10m CPU and 96Mi memory, and a limit of 384Mi memory."""

    template: SchedulesTemplate = {}
    """A pod template that is merged into the one that the operator builds, as `kubectl patch` merges. The container is
    named beat."""


# The volume's size and class of a managed Redis, also where the spec is empty.
_SIZE = f"(has({{0}}.redis) ? {{0}}.redis.storage.size : '{DEFAULT_SIZE}')"
_CLASS = (
    "(has({0}.redis) && has({0}.redis.storage.storageClassName) ? {0}.redis.storage.storageClassName : '')"
)
_MANAGED_BEFORE_AND_AFTER = "!has(self.external) && !has(oldSelf.external)"


class BrokerSpec(Model):
    """A managed Redis unless external is set, and the settings that all clients of one Redis database must share."""

    rules = (
        Rule(
            "!has(self.redis) || !has(self.external)",
            "redis and external cannot both be set: remove external for a managed Redis, or remove redis.",
            field="redis",
        ),
        Rule(
            f"!({_MANAGED_BEFORE_AND_AFTER})"
            f" || quantity({_SIZE.format('self')}).compareTo(quantity({_SIZE.format('oldSelf')})) >= 0",
            "redis.storage.size cannot shrink: restore the previous value, or delete the Broker "
            "and its volume, which deletes its messages.",
        ),
        Rule(
            f"!({_MANAGED_BEFORE_AND_AFTER}) || {_CLASS.format('self')} == {_CLASS.format('oldSelf')}",
            "redis.storage.storageClassName cannot change: restore the previous value, or delete "
            "the Broker and its volume, which deletes its messages.",
        ),
    )

    redis: Redis | None = None
    """A Redis that the operator runs; the default, also when the spec is empty."""

    external: External | None = None
    """A broker that runs outside of Taskfleet."""

    schedules: Schedules = Schedules()
    """The beat that sends the broker's PeriodicSchedules. It exists while there are any."""

    visibility_timeout: PositiveDuration = timedelta(hours=1)
    """How long a fetched message can stay unacknowledged, without renewal by its worker, before it is requeued. All
    clients of one Redis database must use the same value."""

    global_key_prefix: Annotated[str, Limits(maxLength=200), PRINTABLE_RULE] = ""
    """A prefix for every key; kombu's global_keyprefix. All clients of the queues must use the same value."""

    priority_steps: Annotated[
        list[Annotated[int, Limits(minimum=0, maximum=255)]],
        Limits(minItems=1, maxItems=16),
        Rule(
            "self[0] == 0 && self.isSorted() && self.all(x, self.exists_one(y, x == y))",
            "prioritySteps must start with 0 and be in ascending order: use values such as [0, 3, 6, 9].",
        ),
    ] = [0, 3, 6, 9]
    """kombu's priority_steps: each queue has one Redis list per step, 0 first. All clients of the queues must use
    the same value."""

    separator: Annotated[str, Limits(minLength=1, maxLength=16)] = "\x06\x16"
    """kombu's sep, between the queue's name and the priority in a key. All clients of the queues must use the same
    value."""

    @property
    def managed(self) -> bool:
        """Whether the operator runs the Redis."""
        return self.external is None

    @property
    def effective_redis(self) -> Redis:
        """The managed Redis's settings; defaults where the spec is empty."""
        return self.redis or Redis()


class Binding(Model):
    """The Secret to connect with, as the Service Binding specification defines for a provisioned service."""

    name: str
    """The Secret's name. For a managed Redis its keys are type, provider, host, port, uri, username, password and
    url."""


class Credentials(Model):
    """The Secrets of an external broker and their resourceVersions."""

    secrets: dict[str, str] = {}
    """Name and resourceVersion of each Secret when it was last read. For a broker by parts external/address is its
    address; the Secrets of its user name and password are not here, because workers read them for each connection."""

    version: str | None = None
    """Changes when the content of the Secrets, or the address of a broker by parts, changes. Worker pods carry it, so a
    change rolls them."""


class UnconsumedQueue(Model):
    """A queue without a consumer."""

    name: str
    """The queue's name."""

    waiting: Count
    """Waiting messages."""


class BrokerStatus(Status):
    """The observed state of the broker."""

    endpoint: str | None = None
    """Host and port."""

    version: str | None = None
    """The server's version."""

    memory: Annotated[str | None, FollowsLoad()] = None
    """Used memory, and the limit if there is one: 1.2Mi of 256Mi."""

    clients: Annotated[Count | None, FollowsLoad()] = None
    """Connected clients. Changes of one or two per Broker on the server are not shown."""

    foreign_unacked: Annotated[Count | None, FollowsLoad()] = None
    """Unacknowledged messages that are held by workers outside of Taskfleet."""

    unconsumed_queues: Annotated[list[UnconsumedQueue], Limits(maxItems=20), FollowsLoad()] = []
    """Queues with waiting messages and no consumer, neither a WorkerPool nor another client, longest first. The
    operator scans for them in small steps, so they appear late on a database with many keys."""

    expired_requeued: Annotated[Count | None, FollowsLoad()] = None
    """Messages that exceeded visibilityTimeout and were requeued."""

    expired_unroutable: Annotated[Count | None, FollowsLoad()] = None
    """Messages that exceeded visibilityTimeout and cannot be requeued, because no queue is bound to their exchange
    and routing key."""

    binding: Binding | None = None
    """The Secret that producers mount to reach the same queues. Not set for a broker by parts, which has none."""

    credentials: Credentials | None = None
    """The Secrets that an external broker is reached with."""


class Broker(Resource):
    """Holds queues: a Redis that the operator runs, or an external broker by its URL or its parts."""

    columns = (
        Column("Ready", READY_STATUS),
        Column("Status", READY_REASON),
        Column("Endpoint", ".status.endpoint"),
        Column("Version", ".status.version"),
        Column("Memory", ".status.memory"),
        Column("Clients", ".status.clients", "integer"),
        Column("Binding", ".status.binding.name", wide=True),
        Column("Foreign-Unacked", ".status.foreignUnacked", "integer", wide=True),
        Column("Unconsumed", ".status.unconsumedQueues[*].name", wide=True),
        Column("Message", READY_MESSAGE, wide=True),
    )

    spec: BrokerSpec = BrokerSpec()
    """The desired broker. An empty spec is a managed Redis."""

    status: BrokerStatus = BrokerStatus()
    """The observed state, written by the operator."""
