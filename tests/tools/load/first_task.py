"""From delay() into an empty fleet at zero to the first task's start, and where the time goes."""

import statistics
from collections.abc import Iterator
from itertools import pairwise

from tests.e2e.fleet import Fleet
from tests.e2e.watching import Watching
from tests.tools.load.figure import Figure
from tests.tools.load.ground import step
from tests.tools.waiting import wait_for

_ROUNDS = 9
_POOL = "empty"
_QUEUE = "celery"
PHASES = ("decision", "pod", "celery")
NAMES = (*(f"first_task_{phase}_seconds" for phase in PHASES), "first_task_seconds")


def first_task(fleet: Fleet) -> Iterator[Figure]:
    """Medians. Decision: to the Deployment's new size. Pod: to the worker's process. Celery: to the task."""
    fleet.pool(
        _POOL,
        queues=[_QUEUE],
        autoscale={
            "minReplicas": 0,
            "maxReplicas": 1,
            "behavior": {"scaleDown": {"stabilizationWindow": "1s"}},
        },
    )
    fleet.wait_until_ready(_POOL)
    rounds = [_round(fleet, f"first-{number}") for number in range(_ROUNDS)]
    for name, seconds in zip(NAMES, zip(*rounds, strict=True), strict=True):
        yield Figure(name, round(statistics.median(seconds), 2), "s", _ROUNDS)


def _round(fleet: Fleet, key: str) -> tuple[float, ...]:
    with step(key), Watching(fleet.kubeconfig, fleet.namespace, _POOL) as seen:
        times = fleet.first_task(key)
        decided = next(at for at, size in seen.sizes if size == 1)
        wait_for(lambda: seen.steps[-1] == 0 and not fleet.pods(_POOL), 120, what="an empty fleet", poll=0.5)
    stages = (times["sent"], decided, times["process"], times["started"])
    phases = (later - earlier for earlier, later in pairwise(stages))
    return *phases, times["started"] - times["sent"]
