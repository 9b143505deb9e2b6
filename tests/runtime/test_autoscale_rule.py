"""The cluster's rule beside Celery's own `celery worker --autoscale`, on the same readings.

With one task a pod and pods that start at once, a pool of pods is what a pool of processes is to Celery.
"""

import json
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits, PodLoad, PodState, PoolLoad
from taskfleet.scaling.sizing import decide, remember
from tests.runtime.worker import ROOT

KEEPALIVE = 30.0
SINCE = (5, 7)  # the version whose rule this is: older ones do not count from the last task received


class Reading(NamedTuple):
    at: float
    tasks: int  # reserved: running, or waiting for a process
    received: bool = False


@dataclass(frozen=True)
class Case:
    readings: list[Reading]
    least: int = 0
    most: int = 10
    keepalive: float = KEEPALIVE


Celery = Callable[[list[Case]], list[list[int]]]


@pytest.fixture(scope="session")
def celery(python: Path) -> Celery:
    """Celery's process counts for each case."""

    def replay(cases: list[Case]) -> list[list[int]]:
        result = subprocess.run(
            [python, "-m", "tests.runtime.celery_autoscaler"],
            input=json.dumps([asdict(case) for case in cases]),
            capture_output=True, text=True, timeout=120, check=True, cwd=ROOT,
        )  # fmt: skip
        said = json.loads(result.stdout)
        if tuple(map(int, said["celery"].split(".")[:2])) < SINCE:
            pytest.skip(f"Celery {said['celery']} has an older rule")
        sizes: list[list[int]] = said["sizes"]
        return sizes

    return replay


def taskfleet(case: Case) -> list[int]:
    """Our sizes for the same readings, on pods that obey at once."""
    limits = Limits(capacity=1, least=case.least, most=case.most, down=Rules(case.keepalive))
    size, memory, received_at, sizes = case.least, remember(case.least, 0.0), None, []
    for at, tasks, received in case.readings:
        received_at = at if received else received_at
        running = min(tasks, size)
        pods = tuple(PodLoad(f"p{n}", PodState.CONSUMING, active=int(n < running)) for n in range(size))
        load = PoolLoad(limits, size, pods, waiting=tasks - running, received_at=received_at)
        verdict, memory = decide(load, memory, at)
        size = verdict.pods
        sizes.append(size)
    return sizes


def idle(begin: float, seconds: int, tasks: int = 0) -> Iterable[Reading]:
    """A reading a second, of which none brings a task."""
    return (Reading(begin + second, tasks) for second in range(1, seconds + 1))


def upward(random: Random) -> Case:
    """Tasks come and none ends; now and then the reading brings nothing new."""
    readings, at, tasks = [], 40.0, 0
    for _ in range(random.randint(1, 30)):
        at += random.choice([0.1, 1.0, 7.0, 45.0])
        more = random.choice([0, 1, 1, 2, 5])
        tasks += more
        readings.append(Reading(at, tasks, received=more > 0))
    return Case(readings, least=random.randint(0, 3), most=random.randint(3, 15))


def burst_and_tail(random: Random) -> Case:
    """Tasks that are done before the next reading, then nothing for longer than the keepalive."""
    tasks, keepalive = random.randint(1, 15), random.choice([5.0, 10.0, 30.0])
    first = Reading(40.0, tasks, received=True)
    return Case(
        [first, *idle(first.at, int(keepalive) + 10)], random.randint(0, 3), random.randint(3, 10), keepalive
    )


def test_upward_steps_equal_celerys(celery: Celery) -> None:
    random = Random(1)
    cases = [upward(random) for _ in range(300)]
    assert [taskfleet(case) for case in cases] == celery(cases)


def test_idle_tails_equal_celerys(celery: Celery) -> None:
    random = Random(2)
    cases = [burst_and_tail(random) for _ in range(300)]
    ours = [taskfleet(case) for case in cases]
    assert ours == celery(cases)
    assert all(sizes[-1] == case.least for sizes, case in zip(ours, cases, strict=True))


def test_on_purpose_a_trickle_does_not_hold_a_fleet_up_as_it_does_in_celery(celery: Celery) -> None:
    trickle = [Reading(40.0 + second, 1, received=second % 5 == 0) for second in range(1, 121)]
    case = Case([Reading(40.0, 10, received=True), *trickle])
    (theirs,) = celery([case])
    assert theirs[-1] == 10
    assert taskfleet(case)[-1] == 1


def test_on_purpose_a_pod_stays_a_keepalive_after_it_was_needed_where_celery_counts_from_the_receipt(
    celery: Celery,
) -> None:
    working = idle(40.0, 40, tasks=4)
    case = Case([Reading(40.0, 4, received=True), *working, *idle(80.0, 40)])
    (theirs,) = celery([case])
    assert theirs[-40:] == [0] * 40  # the receipt is 40 s old: gone at the first idle reading
    assert taskfleet(case)[-40:] == [4] * 30 + [0] * 10


def test_on_purpose_the_number_falls_with_the_load_and_not_to_what_is_busy_at_one_moment(
    celery: Celery,
) -> None:
    dip = [Reading(40.0, 6, received=True), *idle(40.0, 40, tasks=6), *idle(80.0, 1, tasks=1)]
    case = Case([*dip, *idle(81.0, 5, tasks=6)])
    (theirs,) = celery([case])
    assert min(theirs[-6:]) == 1
    assert min(taskfleet(case)[-6:]) == 6
