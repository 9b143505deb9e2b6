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
MISSED_EVENTS = Counter(
    "taskfleet_missed_events",
    "Changes that a resync found and the watch had not told, by kind.",
    ["kind"],
    registry=REGISTRY,
)


def forget_pool(namespace: str, pool: str) -> None:
    """Export nothing more about a pool that is gone."""
    for metric in (GIVEN_BACK, SET_ASIDE, DEAD_LETTERS):
        metric.remove(namespace, pool)
