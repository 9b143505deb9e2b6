"""Broker: where queues live, a managed Redis or an external URL."""

from datetime import timedelta
from typing import Annotated

from taskfleet.api.base import Model, Resource
from taskfleet.api.conditions import READY_MESSAGE, READY_REASON, READY_STATUS, Status
from taskfleet.api.network_policy import NetworkPolicy
from taskfleet.api.pod import IMAGE_RULE, AnyObject, Resources
from taskfleet.api.quantities import MemorySize, PositiveDuration
from taskfleet.api.references import ObjectName, SecretKeyRef
from taskfleet.api.schema import PRINTABLE_RULE, Column, Limits, Rule

DEFAULT_SIZE = "1Gi"


class Storage(Model):
    """The volume that keeps a managed Redis's data."""

    size: MemorySize = DEFAULT_SIZE
    """The volume's size. It can grow, not shrink."""

    storage_class_name: ObjectName | None = None
    """The storage class; by default the cluster's own default. It cannot change."""

    retain_on_delete: bool = True
    """Keeps the volume and the password when the Broker is deleted. A new Broker of the same name finds
    its messages again."""


class Redis(Model):
    """A Redis that the operator runs."""

    image: Annotated[str, Limits(minLength=1, maxLength=1000), IMAGE_RULE] | None = None
    """The Redis image; by default the one that the operator was installed with."""

    storage: Storage = Storage()
    """The volume that keeps the data."""

    max_memory: MemorySize = "256Mi"
    """Redis's maxmemory. When it is full, new messages are refused and none is dropped."""

    resources: Resources = Resources()
    """CPU and memory of the Redis container. By default the memory follows maxMemory."""

    network_policy: NetworkPolicy | None = None
    """Lets the namespace's workers and beats, the operator and whom you admit connect, and nobody else. By default
    there is none and every pod may, with the password."""

    template: AnyObject = {}
    """A pod template that is merged over the one the operator builds, as `kubectl patch` would. Redis's
    container is named redis."""


class Sentinel(Model):
    """Redis Sentinel in front of an external Redis."""

    master_name: Annotated[str, Limits(minLength=1, maxLength=253), PRINTABLE_RULE]
    """The name under which the Sentinels know the master."""

    password_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the Sentinels' own password, if they ask for one. The URL's is that of
    the master."""

    tls: bool = False
    """Whether the Sentinels and the servers behind them speak TLS, which a sentinel:// URL cannot say."""


class CertificateSecretRef(Model):
    """Names a Secret of the same namespace with a certificate: type kubernetes.io/tls, keys tls.crt and tls.key."""

    name: ObjectName
    """The Secret's name."""


class External(Model):
    """A broker that somebody else runs."""

    url_secret_ref: SecretKeyRef
    """The key of a Secret that holds the broker URL: redis://, rediss://, sentinel:// or amqp://. Its special
    characters are percent-encoded."""

    ca_secret_ref: SecretKeyRef | None = None
    """The key of a Secret that holds the CA certificates (PEM) to check the broker's certificate with; by
    default the operator's and the worker image's own."""

    client_certificate_secret_ref: CertificateSecretRef | None = None
    """The Secret with the certificate to show to a broker that asks for one."""

    insecure_skip_verify: bool = False
    """Takes any certificate for the broker's, so that whoever is on the way reads the password and all
    tasks. For tests only."""

    sentinel: Sentinel | None = None
    """Set where the URL leads to Sentinels."""


# The volume's size and class of a managed Redis, also where the spec is empty.
_SIZE = f"(has({{0}}.redis) ? {{0}}.redis.storage.size : '{DEFAULT_SIZE}')"
_CLASS = (
    "(has({0}.redis) && has({0}.redis.storage.storageClassName) ? {0}.redis.storage.storageClassName : '')"
)
_MANAGED_BEFORE_AND_AFTER = "!has(self.external) && !has(oldSelf.external)"


class BrokerSpec(Model):
    """A managed Redis unless external is set, and what all users of one Redis database have to share."""

    rules = (
        Rule(
            "!has(self.redis) || !has(self.external)",
            "redis and external exclude each other: remove external for a managed Redis, or remove redis.",
            field="redis",
        ),
        Rule(
            f"!({_MANAGED_BEFORE_AND_AFTER})"
            f" || quantity({_SIZE.format('self')}).compareTo(quantity({_SIZE.format('oldSelf')})) >= 0",
            "a volume cannot shrink: keep redis.storage.size, or delete the Broker and its volume and start "
            "without the messages.",
        ),
        Rule(
            f"!({_MANAGED_BEFORE_AND_AFTER}) || {_CLASS.format('self')} == {_CLASS.format('oldSelf')}",
            "a volume cannot change its class: keep redis.storage.storageClassName, or delete the Broker and "
            "its volume and start without the messages.",
        ),
    )

    redis: Redis | None = None
    """A Redis that the operator runs; the default, also when the spec is empty."""

    external: External | None = None
    """A broker that somebody else runs."""

    visibility_timeout: PositiveDuration = timedelta(hours=1)
    """After how long without renewal a fetched message counts as lost and goes back to its queue. All
    users of one Redis database have to agree."""

    global_key_prefix: Annotated[str, Limits(maxLength=200), PRINTABLE_RULE] = ""
    """Put before every key, as kombu's global_keyprefix. All users of the queues have to agree."""

    priority_steps: Annotated[
        list[Annotated[int, Limits(minimum=0, maximum=255)]],
        Limits(minItems=1, maxItems=16),
        Rule(
            "self[0] == 0 && self.isSorted() && self.all(x, self.exists_one(y, x == y))",
            "prioritySteps have to begin with 0 and rise, as in [0, 3, 6, 9].",
        ),
    ] = [0, 3, 6, 9]
    """kombu's priority_steps: each queue has one list a step, 0 first. All users have to agree."""

    separator: Annotated[str, Limits(minLength=1, maxLength=16)] = "\x06\x16"
    """kombu's sep, between a queue's name and its priority in a key. All users have to agree."""

    @property
    def managed(self) -> bool:
        """Whether the operator runs the Redis."""
        return self.external is None

    @property
    def effective_redis(self) -> Redis:
        """The managed Redis's settings; defaults where the spec is empty."""
        return self.redis or Redis()


class Binding(Model):
    """The Secret to connect with, as Service Binding's provisioned service says it."""

    name: str
    """The Secret's name. Managed: type, provider, host, port, uri, username, password and url."""


class Credentials(Model):
    """The Secrets of an external broker, by the versions that Kubernetes gives to all objects."""

    secrets: dict[str, str] = {}
    """Name and resourceVersion of each Secret, as it was read last."""

    version: str | None = None
    """Says when their content last changed. Worker pods carry it, so that they roll then."""


class UnconsumedQueue(Model):
    """A queue without a reader."""

    name: str
    """The queue's name."""

    waiting: Annotated[int, Limits(minimum=0)]
    """Messages that wait."""


class BrokerStatus(Status):
    """What was seen of the broker."""

    endpoint: str | None = None
    """Host and port."""

    version: str | None = None
    """The server's version."""

    memory: str | None = None
    """Memory in use, and the limit where there is one: 1.2Mi of 256Mi."""

    clients: Annotated[int, Limits(minimum=0)] | None = None
    """Connected clients. A change of one or two for each Broker on the server is not shown."""

    foreign_unacked: Annotated[int, Limits(minimum=0)] | None = None
    """Fetched messages that no worker of Taskfleet's holds."""

    unconsumed_queues: Annotated[list[UnconsumedQueue], Limits(maxItems=20)] = []
    """Queues in which messages wait and that no WorkerPool reads and nobody else takes from, the longest first.
    They are found bit by bit: on a database with many keys that takes a while."""

    expired_requeued: Annotated[int, Limits(minimum=0)] | None = None
    """Messages that went back to their queues because visibilityTimeout had passed and nobody renewed it."""

    expired_unroutable: Annotated[int, Limits(minimum=0)] | None = None
    """Expired messages that stay where they are, because no queue is bound for them."""

    binding: Binding | None = None
    """The Secret that producers mount to reach the same queues."""

    credentials: Credentials | None = None
    """External: the Secrets that lead to the broker."""


class Broker(Resource):
    """Where queues live: a managed Redis, or an external broker by its URL."""

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
    """What the broker is; empty is a managed Redis."""

    status: BrokerStatus = BrokerStatus()
    """What was seen; written by the operator."""
