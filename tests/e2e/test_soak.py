"""Bursts by chance, for a minute or, as `make soak`, for ten: nothing is lost, doubled, or stopped at work."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from taskfleet.api import Object
from tests.e2e.fleet import Fleet, Marks, Run
from tests.e2e.watching import Watching
from tests.tools.waiting import wait_for

LEAST, MOST, CAPACITY = 1, 5, 2
SCALE: Object = {
    "minReplicas": LEAST,
    "maxReplicas": MOST,
    "behavior": {"scaleDown": {"stabilizationWindow": "4s"}},
}
KEY = "soak"


@dataclass(frozen=True)
class Burst:
    """So many tasks of so many seconds each, and a pause after them."""

    tasks: int
    seconds: float
    pause: float


def bursts(chance: random.Random) -> Iterator[Burst]:
    """Many short tasks or a few long ones; pauses shorter and longer than a scale-down takes."""
    while True:
        if chance.random() < 0.5:
            yield Burst(chance.randint(5, 60), chance.uniform(0.05, 0.5), chance.uniform(0, 15))
        else:
            yield Burst(chance.randint(1, 8), chance.uniform(1, 10), chance.uniform(0, 15))


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--soak-seconds"))


def test_random_bursts_lose_no_task_double_none_and_stop_no_busy_pod(fleet: Fleet, seconds: float) -> None:
    fleet.pool("soak", concurrency=CAPACITY, autoscale=SCALE)
    fleet.wait_until_ready("soak")
    with Watching(fleet.kubeconfig, fleet.namespace, "soak") as seen:
        began = time.time()
        sent = _send_bursts(fleet, seconds)
        marks = fleet.wait_until_done(KEY, sent, seconds=300)
        wait_for(
            lambda: seen.steps[-1] == LEAST and _pods(seen) == LEAST, 120, what="the way back to the minimum"
        )
        took = time.time() - began
        pod_seconds = seen.pod_seconds()
    disturbed = [run for run in marks.runs if _on_a_removed_pod(seen, run)]
    print(_summary(seen, marks, took=took, pod_seconds=pod_seconds, disturbed=len(disturbed)))
    assert set(marks.sent) == set(marks.done), "tasks lost"
    assert {count for count in marks.started.values() if count != 1} == set(), "tasks executed twice"
    assert not disturbed, "busy pods removed"
    assert LEAST <= min(seen.steps) <= max(seen.steps) <= MOST


def _send_bursts(fleet: Fleet, seconds: float) -> int:
    """How many tasks were sent."""
    sent, until = 0, time.monotonic() + seconds
    for burst in bursts(random.Random(5)):
        fleet.send(KEY, count=burst.tasks, seconds=burst.seconds)
        sent += burst.tasks
        if time.monotonic() + burst.pause > until:
            return sent
        time.sleep(burst.pause)  # the load itself, nothing is waited for
    raise AssertionError("bursts never end")


def _pods(seen: Watching) -> int:
    return len(seen.came) - len(seen.gone)


def _on_a_removed_pod(seen: Watching, run: Run) -> bool:
    return run.ended > seen.going.get(run.pod, float("inf"))


def _summary(seen: Watching, marks: Marks, *, took: float, pod_seconds: float, disturbed: int) -> str:
    """The ideal: pods that do nothing but work, and the minimum that is always there."""
    work = sum(run.ended - run.began for run in marks.runs) / CAPACITY
    twice = sum(count > 1 for count in marks.started.values())
    return (
        f"{len(marks.sent)} tasks in {took:.0f} s: {len(marks.sent) - len(marks.done)} lost, {twice} executed twice, "
        f"{disturbed} on a pod that was removed at work.\n"
        f"Sizes {min(seen.steps)} to {max(seen.steps)} in {len(seen.steps) - 1} steps. "
        f"{pod_seconds:.0f} pod-seconds; pods that are always busy would take {work:.0f}, {LEAST} pod always {LEAST * took:.0f}."
    )
