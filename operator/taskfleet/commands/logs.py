"""`kubectl taskfleet logs`: the log of all pods of a pool, or those lines of it that belong to a task."""

import asyncio
from dataclasses import dataclass

from taskfleet.api import GROUP, Key
from taskfleet.commands.log_records import Record, Wanted, of_task, records
from taskfleet.commands.output import print_errors, print_lines
from taskfleet.commands.session import existing
from taskfleet.kube.errors import ApiError
from taskfleet.kube.gateway import Gateway
from taskfleet.resources.labels import COMPONENT
from taskfleet.resources.pod_template import COMPONENT as WORKER
from taskfleet.resources.worker_container import CONTAINER

# What is read of a pod at most: with those read at once, 64 MiB.
_MAX_BYTES = 16 * 1024 * 1024
_PODS_AT_ONCE = 4
MAX_LINES = 50_000
_LINES = 100  # if no task is asked for


@dataclass(frozen=True)
class Read:
    """What is read of each pod. `since`: seconds; `tail`: lines; `previous`: of the container before its last restart."""

    since: float | None = None
    tail: int | None = None
    previous: bool = False

    def query(self, wanted: Wanted) -> dict[str, str]:
        """The parameters of the kubelet's endpoint."""
        tail = self.tail if self.tail is not None else MAX_LINES if wanted else _LINES
        since = {} if self.since is None else {"sinceSeconds": str(max(int(self.since), 1))}
        previous = {"previous": "true"} if self.previous else {}
        return {
            "container": CONTAINER,
            "timestamps": "true",
            "limitBytes": str(_MAX_BYTES),
            "tailLines": str(min(tail, MAX_LINES)),
            **since,
            **previous,
        }


async def logs(gateway: Gateway, pool: Key, *, wanted: Wanted, read: Read) -> int:
    """Print the lines, in order of time, each with its pod. Raises ApiError."""
    await existing(gateway, pool)
    pods = await _worker_pods(gateway, pool)
    slots = asyncio.Semaphore(_PODS_AT_ONCE)
    results = await asyncio.gather(*(_of_pod(gateway, pod, wanted, read, slots) for pod in pods))
    found = [(pod.name, record) for pod, result in zip(pods, results, strict=True) for record in result]
    for name, record in sorted(found, key=lambda one: one[1].time):
        print_lines(*(f"[{name}] {line}" for line in record.lines))
    if not found:
        of_what = " of this task" if wanted else ""
        print_errors(
            f"No lines{of_what} in the logs of {len(pods)} pods. Pods that no longer exist have no logs; --previous reads"
            " those of containers that were restarted."
        )
    return 0 if found or not wanted else 1


async def _worker_pods(gateway: Gateway, pool: Key) -> list[Key]:
    selector = f"{GROUP}/pool={pool.name}"
    found = [one["metadata"] async for one in gateway.list_metadata("Pod", pool.namespace, selector=selector)]
    workers = [one for one in found if one["labels"].get(COMPONENT) == WORKER]
    return [Key("Pod", pool.namespace, one["name"]) for one in workers]


async def _of_pod(
    gateway: Gateway, pod: Key, wanted: Wanted, read: Read, slots: asyncio.Semaphore
) -> list[Record]:
    """The records of a pod; none where it has no log, with the reason on standard error. Raises ApiError."""
    async with slots:
        try:
            log = await gateway.pod_log(pod, read.query(wanted))
        except ApiError as error:
            # 400: the container has not started, or has not been restarted. 404: the pod is gone.
            if error.status not in (400, 404):
                raise
            if not read.previous:
                print_errors(f"Pod {pod.name}: {error.message}")
            return []
    if len(log) >= _MAX_BYTES or (read.tail is None and wanted and log.count(b"\n") >= MAX_LINES):
        print_errors(f"Pod {pod.name}: its log is too long to be read whole. Set --since or --tail.")
    return of_task(records(log.decode(errors="replace")), wanted)
