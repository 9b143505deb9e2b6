"""What the operator counts about itself, for Prometheus. Labels never name a pod or a task: they would grow without end."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECONCILE = Counter(
    "taskfleet_reconcile", "Reconciliations by kind and outcome.", ["kind", "outcome"], registry=REGISTRY
)
RECONCILE_TIME_SECONDS = Histogram(
    "taskfleet_reconcile_time_seconds",
    "Time of one reconciliation.",
    ["kind"],
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15),
)
WORKQUEUE_DEPTH = Gauge("taskfleet_workqueue_depth", "Keys that wait or are worked on.", registry=REGISTRY)
API_WRITES = Counter(
    "taskfleet_api_writes",
    "Writes to the API server by method, the Lease aside.",
    ["method"],
    registry=REGISTRY,
)
LEASE_UNHELD = Gauge(
    "taskfleet_lease_unheld",
    "1 while this process has seen nobody hold the Lease for 20 seconds.",
    registry=REGISTRY,
)
LEADER = Gauge("taskfleet_leader", "1 while this process holds the lease.", registry=REGISTRY)
INITIAL_SYNC_SECONDS = Gauge(
    "taskfleet_initial_sync_seconds",
    "Seconds from becoming leader until every object had been looked at once; 0 before.",
    registry=REGISTRY,
)
WATCH_EVENTS = Counter("taskfleet_watch_events", "Events received by kind.", ["kind"], registry=REGISTRY)
MESSAGES_REQUEUED = Counter(
    "taskfleet_messages_requeued",
    "Messages that went back to their queues because the pod that held them had ended.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
MESSAGES_DEAD_LETTERED = Counter(
    "taskfleet_messages_dead_lettered",
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
EXPIRED_REQUEUED = Counter(
    "taskfleet_expired_messages_requeued",
    "Messages that went back to their queues because their visibility timeout had passed and nobody renewed it.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
EXPIRED_UNROUTABLE = Gauge(
    "taskfleet_expired_messages_unroutable",
    "Messages whose visibility timeout has passed and of which no queue is known, so they stay as they are.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
UNCONSUMED_QUEUES = Gauge(
    "taskfleet_unconsumed_queues",
    "Queues of all brokers in which messages wait and that nobody reads; a Broker's status names them.",
    registry=REGISTRY,
)
UNCONSUMED_MESSAGES = Gauge(
    "taskfleet_unconsumed_messages", "Messages that wait in queues that nobody reads.", registry=REGISTRY
)
BROKER_UP = Gauge(
    "taskfleet_broker_up", "1 while the broker answers, else 0.", ["namespace", "broker"], registry=REGISTRY
)
BROKER_MEMORY_USED = Gauge(
    "taskfleet_broker_memory_used_bytes",
    "Memory that the broker's server uses (used_memory of INFO).",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_MEMORY_MAX = Gauge(
    "taskfleet_broker_memory_max_bytes",
    "Memory above which the server refuses new tasks (maxmemory); none where it has no limit.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CONNECTED_CLIENTS = Gauge(
    "taskfleet_broker_connected_clients",
    "Connections to the broker's server.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CPU_SECONDS = Counter(
    "taskfleet_broker_cpu_seconds",
    "CPU time that the operator has spent on a broker.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_RECEIVED_BYTES = Counter(
    "taskfleet_broker_received_bytes",
    "Bytes that a broker has answered when it was read.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CONNECTIONS_OPENED = Counter(
    "taskfleet_broker_connections_opened",
    "Connections that the operator has opened to read a broker.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_POLL_ERRORS = Counter(
    "taskfleet_broker_poll_errors",
    "Times that reading a broker ended with an error, such as an answer that is too large.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
INVALID_REPORTS = Gauge(
    "taskfleet_broker_invalid_reports",
    "Reports of workers in a broker that are not valid, so that they were dropped.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
WATCH_EVENTS_MISSED = Counter(
    "taskfleet_watch_events_missed",
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
POLL_SECONDS = Histogram(
    "taskfleet_poll_seconds",
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

_OF_POOLS = (MESSAGES_REQUEUED, MESSAGES_DEAD_LETTERED, DEAD_LETTERS, DECISIONS, BUSY_PODS_REMOVED)

_OF_SERVERS = (BROKER_UP, BROKER_MEMORY_USED, BROKER_MEMORY_MAX, BROKER_CONNECTED_CLIENTS)

_OF_READING = (
    *(BROKER_CPU_SECONDS, BROKER_RECEIVED_BYTES, BROKER_CONNECTIONS_OPENED),
    *(BROKER_POLL_ERRORS, INVALID_REPORTS),
)


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
    for metric, value in (
        (BROKER_MEMORY_USED, memory),
        (BROKER_MEMORY_MAX, limit),
        (BROKER_CONNECTED_CLIENTS, clients),
    ):
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
    for metric in (EXPIRED_REQUEUED, EXPIRED_UNROUTABLE, *_OF_READING, *_OF_SERVERS):
        metric.remove(namespace, broker)


def forget_pool(namespace: str, pool: str) -> None:
    """Export nothing more about a pool that is gone."""
    for metric in _OF_POOLS:
        metric.remove_by_labels({"namespace": namespace, "pool": pool})


def forget_all_pools() -> None:
    """Export nothing more about any pool."""
    for metric in _OF_POOLS:
        metric.clear()
