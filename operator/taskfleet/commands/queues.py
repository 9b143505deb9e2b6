"""`kubectl taskfleet queues`: what waits in which queue, how long, and who consumes it."""

from collections.abc import Iterable, Iterator

from taskfleet.api import Object
from taskfleet.api.stored import condition_of, status_of
from taskfleet.commands.listing import Listing
from taskfleet.commands.output import ListForm
from taskfleet.kube.gateway import Gateway

_LISTING = Listing(
    field="queues",
    columns={
        "NAMESPACE": "namespace",
        "QUEUE": "queue",
        "BROKER": "broker",
        "WAITING": "waiting",
        "OLDEST": "oldestAge",
        "UNACKED": "unacked",
        "IN/S": "arrivalRate",
        "OUT/S": "completionRate",
        "CONSUMERS": "consumers",
        "POOLS": "pools",
        "HEALTHY": "healthy",
    },
    wide={"TASKQUEUE": "name", "CONSUMED": "consumed", "PRIORITIES": "priorities", "MESSAGE": "message"},
    empty="No queues.",
)
# Of the status, under its own names.
_FIGURES = ("waiting", "oldestAge", "unacked", "arrivalRate", "completionRate", "consumers")


async def queues(
    gateway: Gateway, namespace: str | None, *, selector: str = "", form: ListForm | None = None
) -> int:
    """Print the queues, the longest first; without a namespace those of the whole cluster. Raises ApiError.

    Queues without a TaskQueue are those that a Broker found without a consumer; they have no labels to select by.
    """
    observed = await gateway.list_objects("TaskQueue", namespace, selector=selector)
    brokers = [] if selector else await gateway.list_objects("Broker", namespace)
    rows = [observed_row(raw) for raw in observed]
    rows += unobserved_rows(brokers, rows)
    rows.sort(key=lambda row: (-(row["waiting"] or 0), row["namespace"], row["queue"]))
    _LISTING.print(rows, form, short_name="tq")
    return 0


def observed_row(raw: Object) -> Object:
    """The row of a TaskQueue."""
    status, spec = status_of(raw), raw["spec"]
    healthy, consumed, ready = (condition_of(raw, kind) or {} for kind in ("Healthy", "Consumed", "Ready"))
    priorities = status.get("waitingByPriority") or []
    said = next((one["message"] for one in (ready, healthy, consumed) if one.get("status") == "False"), None)
    return {
        "namespace": raw["metadata"]["namespace"],
        "name": raw["metadata"]["name"],
        "queue": spec.get("queueName") or raw["metadata"]["name"],
        "broker": _broker(spec),
        **{name: status.get(name) for name in _FIGURES},
        "pools": status.get("pools") or [],
        "healthy": healthy.get("status"),
        "consumed": consumed.get("status"),
        "priorities": [f"{one['priority']}:{one['waiting']}" for one in priorities],
        "message": said,
    }


def unobserved_rows(brokers: Iterable[Object], observed: Iterable[Object]) -> Iterator[Object]:
    """The rows of queues that have messages, no consumer and no TaskQueue."""
    known = {(row["namespace"], row["broker"], row["queue"]) for row in observed}
    for raw in brokers:
        namespace, broker = raw["metadata"]["namespace"], raw["metadata"]["name"]
        for found in status_of(raw).get("unconsumedQueues") or ():
            if (namespace, broker, found["name"]) not in known:
                yield {
                    "namespace": namespace,
                    "name": None,
                    "queue": found["name"],
                    "broker": broker,
                    **dict.fromkeys(_FIGURES),
                    "waiting": found["waiting"],
                    "consumers": 0,
                    "pools": [],
                    "healthy": None,
                    "consumed": "False",
                    "priorities": [],
                    "message": "No TaskQueue observes this queue, and it has no consumer.",
                }


def _broker(spec: Object) -> str:
    return str((spec.get("brokerRef") or {}).get("name") or "default")
