"""Simulated pods do what Kubernetes and Celery do."""

from random import Random

import pytest

from taskfleet.simulation.fleet import UNREADY_AFTER_SECONDS, Fleet, PodShape, Workload


def fleet(
    *arrives: float, takes: float = 10.0, capacity: int = 1, start: float = 5.0, grace: float = 60.0
) -> Fleet:
    workload = Workload(arrives, [takes] * len(arrives))
    return Fleet(workload, PodShape(capacity, start, grace), random=Random(1))


def test_a_new_pod_fetches_after_its_start() -> None:
    simulated = fleet(0.0)
    simulated.scale(1)
    simulated.advance(4.9)
    assert simulated.running == 0
    simulated.advance(5.1)
    assert simulated.began == {0: 5.0}


def test_a_pod_runs_as_many_tasks_as_it_has_slots_and_fetches_nothing_ahead() -> None:
    simulated = fleet(1.0, 1.0, 1.0, capacity=2)
    simulated.warm_up(1)
    simulated.advance(2.0)
    assert (simulated.running, len(simulated.waiting)) == (2, 1)
    simulated.advance(12.0)
    assert simulated.began == {0: 1.0, 1: 1.0, 2: 11.0}


def test_tasks_spread_over_the_pods_that_wait() -> None:
    simulated = fleet(1.0, 2.0, 3.0, capacity=4)
    simulated.warm_up(3)
    simulated.advance(4.0)
    assert [len(pod.active) for pod in simulated.pods.values()] == [1, 1, 1]


def test_a_draining_pod_ends_its_task_fetches_no_more_and_becomes_unready() -> None:
    simulated = fleet(1.0, 2.0)
    simulated.warm_up(1)
    simulated.advance(1.5)
    (pod,) = simulated.pods.values()
    simulated.drain(pod.name)
    simulated.advance(11.0 + UNREADY_AFTER_SECONDS)
    assert (pod.done, len(simulated.waiting), pod.drained) == (1, 1, True)
    assert not pod.ready(simulated.now)


def test_a_resumed_pod_takes_what_waits_and_is_marked_no_longer() -> None:
    simulated = fleet(1.0, 2.0)
    simulated.warm_up(1)
    simulated.advance(1.5)
    (pod,) = simulated.pods.values()
    simulated.drain(pod.name)
    pod.marked = True
    simulated.advance(20.0)
    simulated.resume(pod.name)
    assert (len(pod.active), pod.marked) == (1, False)


def test_starting_pods_go_first_then_drained_ones_with_the_mark() -> None:
    simulated = fleet()
    simulated.warm_up(3)
    simulated.scale(5)
    drained, *others = list(simulated.pods)[:3]
    simulated.drain(drained)
    simulated.pods[drained].marked = True
    simulated.advance(UNREADY_AFTER_SECONDS)
    simulated.scale(3)
    assert set(simulated.pods) == {drained, *others}
    simulated.scale(2)
    assert set(simulated.pods) == set(others)


def test_a_removed_pod_that_works_is_disturbed_and_ends_its_task_in_the_grace_period() -> None:
    simulated = fleet(0.0, takes=10.0, grace=60.0)
    simulated.warm_up(1)
    simulated.advance(2.0)
    simulated.scale(0)
    assert (simulated.disturbed, simulated.existing, len(simulated.pods)) == (1, 1, 0)
    simulated.advance(30.0)
    assert (simulated.killed, simulated.existing) == (0, 0)
    assert simulated.total_pod_seconds() == pytest.approx(10.0)


def test_a_task_that_outlives_the_grace_period_begins_anew_and_first_in_line() -> None:
    simulated = fleet(0.0, 3.0, takes=100.0, grace=20.0)
    simulated.warm_up(1)
    simulated.advance(5.0)
    simulated.scale(0)
    simulated.advance(30.0)
    assert (simulated.killed, list(simulated.waiting)) == (1, [0, 1])
    assert simulated.began == {0: 0.0}
    assert simulated.total_pod_seconds() == pytest.approx(25.0)


def test_a_pod_that_is_removed_while_it_starts_costs_its_seconds_and_disturbs_nothing() -> None:
    simulated = fleet()
    simulated.scale(2)
    simulated.advance(3.0)
    simulated.scale(0)
    simulated.advance(20.0)
    assert simulated.disturbed == 0
    assert simulated.total_pod_seconds() == pytest.approx(6.0)
