"""What the operator counts about itself, for Prometheus. Labels never name a pod, a host or a task's id: they would grow
without end. Names of tasks are in brokers/outcomes, 200 of a pool at most."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

RECONCILE = Counter(
    "taskfleet_reconcile",
    "Total number of reconciliations by kind and outcome.",
    ["kind", "outcome"],
    registry=REGISTRY,
)
RECONCILE_TIME_SECONDS = Histogram(
    "taskfleet_reconcile_time_seconds",
    "Duration of a reconciliation by kind.",
    ["kind"],
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15),
)
WORKQUEUE_DEPTH = Gauge(
    "taskfleet_workqueue_depth",
    "Current number of objects in the workqueue, waiting or in progress.",
    registry=REGISTRY,
)
API_WRITES = Counter(
    "taskfleet_api_writes",
    "Total number of writes to the API server by method, without those to the Lease.",
    ["method"],
    registry=REGISTRY,
)
LEASE_UNHELD = Gauge(
    "taskfleet_lease_unheld",
    "1 if no process has held the Lease for 20 seconds, as seen by this process; otherwise 0.",
    registry=REGISTRY,
)
LEADER = Gauge("taskfleet_leader", "1 if this process holds the Lease; otherwise 0.", registry=REGISTRY)
INITIAL_SYNC_SECONDS = Gauge(
    "taskfleet_initial_sync_seconds",
    "Time from becoming the leader until every object was reconciled once; 0 before that.",
    registry=REGISTRY,
)
WATCH_EVENTS = Counter(
    "taskfleet_watch_events", "Total number of watch events by kind.", ["kind"], registry=REGISTRY
)
SPANS_DROPPED = Counter(
    "taskfleet_spans_dropped",
    "Total number of spans of scaling decisions that the collector has not taken.",
    registry=REGISTRY,
)
MESSAGES_REQUEUED = Counter(
    "taskfleet_messages_requeued",
    "Total number of messages that were requeued because the pod that held them ended.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
MESSAGES_DEAD_LETTERED = Counter(
    "taskfleet_messages_dead_lettered",
    "Total number of messages that the operator dead-lettered because they crashed their pod too "
    "often. Workers dead-letter those that crash a child process.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "taskfleet_dead_letters",
    "Current number of messages in the <queue>.dead lists of the pool's queues.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
EXPIRED_REQUEUED = Counter(
    "taskfleet_expired_messages_requeued",
    "Total number of messages that exceeded their visibility timeout and were requeued.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
EXPIRED_UNROUTABLE = Gauge(
    "taskfleet_expired_messages_unroutable",
    "Current number of messages that exceeded their visibility timeout and have no queue to be requeued to.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
UNCONSUMED_QUEUES = Gauge(
    "taskfleet_unconsumed_queues",
    "Current number of queues with waiting messages and no consumer. The status of each Broker "
    "lists their names.",
    registry=REGISTRY,
)
UNCONSUMED_MESSAGES = Gauge(
    "taskfleet_unconsumed_messages",
    "Current number of waiting messages in queues without a consumer.",
    registry=REGISTRY,
)
BROKER_UP = Gauge(
    "taskfleet_broker_up",
    "1 if the broker is reachable; otherwise 0.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_MEMORY_USED = Gauge(
    "taskfleet_broker_memory_used_bytes",
    "Memory in use by the broker's server (used_memory of INFO).",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_MEMORY_MAX = Gauge(
    "taskfleet_broker_memory_max_bytes",
    "Memory limit of the broker's server (maxmemory). Not exported if there is no limit.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CONNECTED_CLIENTS = Gauge(
    "taskfleet_broker_connected_clients",
    "Current number of client connections to the broker's server.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CPU_SECONDS = Counter(
    "taskfleet_broker_cpu_seconds",
    "Total CPU time that the operator spent on a broker.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_RECEIVED_BYTES = Counter(
    "taskfleet_broker_received_bytes",
    "Total number of bytes received when a broker was polled.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_CONNECTIONS_OPENED = Counter(
    "taskfleet_broker_connections_opened",
    "Total number of connections that the operator opened to poll a broker.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_POLL_ERRORS = Counter(
    "taskfleet_broker_poll_errors",
    "Total number of failed polls of a broker, such as a reply that is too large.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
BROKER_WAKE_UPS_MISSED = Counter(
    "taskfleet_broker_wake_ups_missed",
    "Total number of changes of a broker's queues that a poll found and the broker had not announced.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
INVALID_REPORTS = Gauge(
    "taskfleet_broker_invalid_reports",
    "Current number of worker reports in a broker that are not valid and are ignored.",
    ["namespace", "broker"],
    registry=REGISTRY,
)
WATCH_EVENTS_MISSED = Counter(
    "taskfleet_watch_events_missed",
    "Total number of changes that the watch missed and a resync found, by kind.",
    ["kind"],
    registry=REGISTRY,
)


DECISIONS = Counter(
    "taskfleet_scaling_decisions",
    "Total number of scaling decisions that differ from the previous one, by reason.",
    ["namespace", "pool", "reason"],
    registry=REGISTRY,
)
BUSY_PODS_REMOVED = Counter(
    "taskfleet_busy_pods_removed",
    "Total number of pods that a scale-down removed before they were drained. Any value other "
    "than 0 is a bug.",
    ["namespace", "pool"],
    registry=REGISTRY,
)
POLL_SECONDS = Histogram(
    "taskfleet_poll_seconds",
    "Time from polling a broker until the sizes of all of its pools are decided.",
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
REACTION_SECONDS = Histogram(
    "taskfleet_reaction_seconds",
    "Time from the poll that showed a need for more pods until the Deployment is scaled up.",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)

_OF_POOLS = (MESSAGES_REQUEUED, MESSAGES_DEAD_LETTERED, DEAD_LETTERS, DECISIONS, BUSY_PODS_REMOVED)

_OF_SERVERS = (BROKER_UP, BROKER_MEMORY_USED, BROKER_MEMORY_MAX, BROKER_CONNECTED_CLIENTS)

_OF_READING = (
    BROKER_CPU_SECONDS,
    BROKER_RECEIVED_BYTES,
    BROKER_CONNECTIONS_OPENED,
    BROKER_POLL_ERRORS,
    BROKER_WAKE_UPS_MISSED,
    INVALID_REPORTS,
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
    """The last probe of a broker's server; unknown values are not exported."""
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
    """The next leader exports them."""
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
