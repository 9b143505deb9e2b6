"""What the operator counts about itself, for Prometheus. Labels never name a pod or a task: they would grow without end."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECONCILES = Counter(
    "taskfleet_reconciles", "Reconciliations by kind and outcome.", ["kind", "outcome"], registry=REGISTRY
)
RECONCILE_SECONDS = Histogram(
    "taskfleet_reconcile_seconds",
    "Time of one reconciliation.",
    ["kind"],
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15),
)
QUEUE_LENGTH = Gauge("taskfleet_queue_length", "Keys that wait or are worked on.", registry=REGISTRY)
API_WRITES = Counter(
    "taskfleet_api_writes",
    "Writes to the API server by method, the Lease aside.",
    ["method"],
    registry=REGISTRY,
)
LEADER = Gauge("taskfleet_leader", "1 while this process holds the lease.", registry=REGISTRY)
FIRST_LOOK_SECONDS = Gauge(
    "taskfleet_first_look_seconds",
    "Seconds from becoming leader until every object had been looked at once; 0 before.",
    registry=REGISTRY,
)
WATCH_EVENTS = Counter("taskfleet_watch_events", "Events received by kind.", ["kind"], registry=REGISTRY)
GIVEN_BACK = Counter(
    "taskfleet_messages_given_back",
    "Messages that went back to their queues because the pod that held them had ended.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
SET_ASIDE = Counter(
    "taskfleet_messages_set_aside",
    "Messages that became dead letters with the end of a pod. Those that ended a child process are moved by the pod.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "taskfleet_dead_letters",
    "Messages in the <queue>.dead lists of the pool's queues, whoever moved them there.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
EXPIRED_GIVEN_BACK = Counter(
    "taskfleet_expired_messages_given_back",
    "Messages that went back to their queues because their visibility timeout had passed and nobody renewed it.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
EXPIRED_KEPT = Gauge(
    "taskfleet_expired_messages_kept",
    "Messages whose visibility timeout has passed and of which no queue is known, so they stay as they are.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
UNREAD_QUEUES = Gauge(
    "taskfleet_unread_queues",
    "Queues of all brokers in which messages wait and that nobody reads; a Broker's status names them.",
    registry=REGISTRY,
)
UNREAD_MESSAGES = Gauge(
    "taskfleet_unread_messages", "Messages that wait in queues that nobody reads.", registry=REGISTRY
)
BROKER_UP = Gauge(
    "taskfleet_broker_up", "1 while the broker answers, else 0.", ["namespace", "broker"], registry=REGISTRY
)
BROKER_MEMORY = Gauge(
    "taskfleet_broker_memory_bytes",
    "Memory that the broker's server uses (used_memory of INFO).",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_MEMORY_LIMIT = Gauge(
    "taskfleet_broker_memory_limit_bytes",
    "Memory above which the server refuses new tasks (maxmemory); none where it has no limit.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CLIENTS = Gauge(
    "taskfleet_broker_clients",
    "Connections to the broker's server.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
MISSED_EVENTS = Counter(
    "taskfleet_missed_events",
    "Changes that a resync found and the watch had not told, by kind.",
    ["kind"],
    registry=REGISTRY,
)


DECISIONS = Counter(
    "taskfleet_scaling_decisions",
    "Decisions about a pool's size that differ from the one before, by reason.",
    ["namespace", "pool", "reason"],
    registry=REGISTRY,
)
BUSY_PODS_REMOVED = Counter(
    "taskfleet_busy_pods_removed",
    "Pods that a shrink took although they had begun to consume and were not drained. Anything but 0 is a bug.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
TICK_SECONDS = Histogram(
    "taskfleet_tick_seconds",
    "From asking a broker until all of its pools have been decided on.",
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
REACTION_SECONDS = Histogram(
    "taskfleet_reaction_seconds",
    "From the reading that showed a need for more pods until the Deployment's replicas were written.",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)

_OF_POOLS = (GIVEN_BACK, SET_ASIDE, DEAD_LETTERS, DECISIONS, BUSY_PODS_REMOVED)

_OF_SERVERS = (BROKER_UP, BROKER_MEMORY, BROKER_MEMORY_LIMIT, BROKER_CLIENTS)


def tell_of_server(
    namespace: str,
    broker: str,
    *,
    up: bool,
    memory: int | None = None,
    limit: int | None = None,
    clients: int | None = None,
) -> None:
    """The last look at a broker's server; what is not known is not exported."""
    BROKER_UP.labels(namespace, broker).set(up)
    for metric, value in ((BROKER_MEMORY, memory), (BROKER_MEMORY_LIMIT, limit), (BROKER_CLIENTS, clients)):
        if value is None:
            metric.remove(namespace, broker)
        else:
            metric.labels(namespace, broker).set(value)


def forget_servers() -> None:
    """The next leader tells of them."""
    for metric in _OF_SERVERS:
        metric.clear()


def forget_broker(namespace: str, broker: str) -> None:
    """Export nothing more about a broker that is gone."""
    for metric in (EXPIRED_GIVEN_BACK, EXPIRED_KEPT, *_OF_SERVERS):
        metric.remove(namespace, broker)


def forget_pool(namespace: str, pool: str) -> None:
    """Export nothing more about a pool that is gone."""
    for metric in _OF_POOLS:
        metric.remove_by_labels({"namespace": namespace, "pool": pool})


def forget_all_pools() -> None:
    """Export nothing more about any pool."""
    for metric in _OF_POOLS:
        metric.clear()
