"""`kubectl taskfleet top`: pools by load, with what their pods use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from taskfleet.api import GROUP, Object, parse_quantity
from taskfleet.api.stored import condition_of, status_of
from taskfleet.commands.listing import Listing
from taskfleet.commands.output import ListForm, print_errors
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway

Order = Literal["waiting", "in-flight", "busy", "pods", "cpu", "memory", "name"]
"""What comes first: the largest number, or the first name."""

_ORDERS: Mapping[Order, str] = {
    "waiting": "waiting",
    "in-flight": "inFlight",
    "busy": "busy",
    "pods": "ready",
    "cpu": "cpu",
    "memory": "memory",
}
_LISTING = Listing(
    field="pools",
    columns={
        "NAMESPACE": "namespace",
        "NAME": "name",
        "WAITING": "waiting",
        "IN FLIGHT": "inFlight",
        "BUSY": "busy",
        "READY": "ready",
        "DESIRED": "desired",
        "MAX": "max",
        "CPU": "cpu",
        "MEMORY": "memory",
        "STATUS": "status",
    },
    wide={"DRAINING": "draining", "QUEUES": "queues", "BROKER": "broker", "LIMITED": "limited"},
    empty="No pools.",
)
_POOL = f"{GROUP}/pool"
_WORKERS = f"{GROUP}/component=worker"


@dataclass(frozen=True)
class Usage:
    """What the worker pods of a pool use together."""

    millicores: int = 0
    bytes: int = 0

    def with_pod(self, metrics: Object) -> "Usage":
        used = [container["usage"] for container in metrics.get("containers") or ()]
        return Usage(
            self.millicores + sum(int(parse_quantity(one["cpu"]) * 1000) for one in used),
            self.bytes + sum(int(parse_quantity(one["memory"])) for one in used),
        )


async def top(
    gateway: Gateway,
    namespace: str | None,
    *,
    selector: str = "",
    order: Order = "waiting",
    form: ListForm | None = None,
) -> int:
    """Print the pools; without a namespace those of the whole cluster. Raises ApiError for the pools themselves."""
    pools = await gateway.list_objects("WorkerPool", namespace, selector=selector)
    used, problem = await _usage(gateway, namespace)
    rows = [row_of(raw, used) for raw in pools]
    rows.sort(key=lambda row: (*_place(row, order), row["namespace"], row["name"]))
    _LISTING.print(rows, form, short_name="wp")
    if problem is not None:
        print_errors(f"CPU and memory are not shown, because the metrics API does not answer: {problem}")
    return 0


async def _usage(
    gateway: Gateway, namespace: str | None
) -> tuple[dict[tuple[str, str], Usage] | None, str | None]:
    """What is used, or why that is unknown."""
    try:
        return usage(await gateway.pod_metrics(namespace, selector=_WORKERS)), None
    except ApiError as error:
        return None, error.message


def usage(metrics: Iterable[Object]) -> dict[tuple[str, str], Usage]:
    """By namespace and name of the pool."""
    found: dict[tuple[str, str], Usage] = {}
    for pod in metrics:
        metadata = pod["metadata"]
        pool = (metadata.get("labels") or {}).get(_POOL)
        if pool is not None:
            key = (metadata["namespace"], pool)
            found[key] = found.get(key, Usage()).with_pod(pod)
    return found


def row_of(raw: Object, used: Mapping[tuple[str, str], Usage] | None) -> Object:
    """The row of a pool. `used` None: it is unknown."""
    status, spec = status_of(raw), raw["spec"]
    namespace, name = raw["metadata"]["namespace"], raw["metadata"]["name"]
    sum_of = None if used is None else used.get((namespace, name), Usage())
    limited = condition_of(raw, "ScalingLimited") or {}
    return {
        "namespace": namespace,
        "name": name,
        "waiting": status.get("waiting"),
        "inFlight": status.get("inFlight"),
        "busy": status.get("busyReplicas"),
        "ready": status.get("readyReplicas", 0),
        "desired": status.get("desiredReplicas"),
        "max": (spec.get("autoscale") or {}).get("maxReplicas"),
        "cpu": None if sum_of is None else f"{sum_of.millicores}m",
        "memory": None if sum_of is None else f"{sum_of.bytes >> 20}Mi",
        "status": (condition_of(raw, "Ready") or {}).get("reason"),
        "draining": status.get("drainingReplicas"),
        "queues": (status.get("worker") or {}).get("queues") or spec.get("queues") or [],
        "broker": (spec.get("brokerRef") or {}).get("name") or "default",
        "limited": limited.get("message") if limited.get("status") == "True" else None,
    }


def _place(row: Object, order: Order) -> tuple[float, ...]:
    if order == "name":
        return ()
    value = row[_ORDERS[order]]
    return (-(float(parse_quantity(value)) if isinstance(value, str) else value or 0),)
