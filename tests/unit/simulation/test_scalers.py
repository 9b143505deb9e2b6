"""The three rules on the same loads: Taskfleet's own decisions, KEDA with the HPA, and a fixed fleet."""

from dataclasses import replace
from random import Random

import pytest

from taskfleet.scaling.behavior import Rules
from taskfleet.scaling.load import Limits
from taskfleet.simulation.decisions import Taskfleet
from taskfleet.simulation.experiment import Experiment
from taskfleet.simulation.fixed import Fixed
from taskfleet.simulation.fleet import Fleet, PodShape, Workload
from taskfleet.simulation.keda import Keda
from taskfleet.simulation.outcome import Outcome
from taskfleet.simulation.scaler import Scaler

LIMITS = Limits(capacity=1, least=0, most=40, down=Rules(30.0))
SHAPE = PodShape(capacity=1, start=5.0, grace=600.0)


def sizes(scaler: Scaler, workload: Workload, *, until: float) -> list[tuple[float, int]]:
    """Each size that the Deployment had, and since when."""
    fleet = Fleet(workload, SHAPE, random=Random(1))
    scaler.begin(fleet)
    seen = [(0.0, len(fleet.pods))]
    while scaler.next_look < until:
        fleet.advance(scaler.next_look)
        scaler.tick(fleet)
        if len(fleet.pods) != seen[-1][1]:
            seen.append((fleet.now, len(fleet.pods)))
    return seen


def burst(tasks: int, *, at: float = 30.0, takes: float = 60.0) -> Workload:
    return Workload([at] * tasks, [takes] * tasks)


def outcomes(workload: Workload, *, limits: Limits = LIMITS, duration: float = 900.0) -> dict[str, Outcome]:
    shape = replace(SHAPE, capacity=limits.capacity)
    run = Experiment(limits, shape, workload, duration, seed=1).run()
    return dict(zip(("taskfleet", "keda", "fixed"), run, strict=True))


def test_taskfleet_goes_from_zero_to_forty_in_one_step_and_back_after_the_keepalive() -> None:
    seen = sizes(Taskfleet(LIMITS), burst(40), until=300.0)
    assert seen[:2] == [(0.0, 0), (30.25, 40)]
    back = next(at for at, size in seen[2:] if size == 0)
    assert 95.0 + LIMITS.down.window < back < 95.0 + LIMITS.down.window + 5.0
    assert [size for _, size in seen[2:]] == sorted((size for _, size in seen[2:]), reverse=True)


def test_keda_doubles_every_fifteen_seconds_as_measured() -> None:
    """Facts of a measurement: KEDA 2.20 on Kubernetes 1.34 went 4, 8, 16, 32, 40 within 66 to 91 s."""
    seen = sizes(Keda(LIMITS), burst(400), until=200.0)
    assert [size for _, size in seen] == [0, 1, 4, 8, 16, 32, 40]
    assert 66.0 <= seen[-1][0] - 30.0 <= 91.0


def test_keda_goes_to_zero_five_minutes_after_the_list_was_last_seen_to_hold_something() -> None:
    seen = sizes(Keda(LIMITS), burst(40, takes=1.0), until=900.0)
    (zero,) = [at for at, size in seen if size == 0 and at > 0]
    assert 300.0 < zero - 30.0 < 400.0


def test_keda_never_goes_below_its_minimum() -> None:
    seen = sizes(Keda(replace(LIMITS, least=3)), burst(40, takes=1.0), until=900.0)
    assert min(size for _, size in seen) == seen[-1][1] == 3


def test_keda_counts_a_slot_a_task_on_pods_with_several_slots() -> None:
    seen = sizes(Keda(replace(LIMITS, capacity=10)), burst(400), until=200.0)
    assert max(size for _, size in seen) == 40
    seen = sizes(Keda(replace(LIMITS, capacity=200)), burst(400), until=60.0)
    assert max(size for _, size in seen) == 2


def test_a_fixed_fleet_stays_as_it_is() -> None:
    assert sizes(Fixed(7), burst(40), until=300.0) == [(0.0, 7)]


def test_taskfleet_disturbs_no_task_where_keda_does() -> None:
    random = Random(3)
    arrives = sorted(random.uniform(0, 3000.0) for _ in range(1500))
    workload = Workload(arrives, [random.lognormvariate(2.5, 1.0) for _ in arrives])
    of = outcomes(workload, duration=3600.0)
    assert of["taskfleet"].disturbed == of["taskfleet"].killed == 0
    assert of["keda"].disturbed > 0
    assert of["taskfleet"].wait(0.95) < of["keda"].wait(0.95)


def test_a_burst_waits_shorter_and_costs_less_than_with_keda_and_a_fixed_fleet_is_the_bound() -> None:
    of = outcomes(burst(400, takes=5.0))
    for share in (0.5, 0.95, 0.99):
        assert of["fixed"].wait(share) <= of["taskfleet"].wait(share) < of["keda"].wait(share)
    assert of["taskfleet"].pod_seconds < of["keda"].pod_seconds < of["fixed"].pod_seconds
    assert of["fixed"].pod_seconds == pytest.approx(40 * 900.0)


def test_a_target_wait_takes_fewer_pods_and_keeps_to_it() -> None:
    long_wait = outcomes(burst(400, takes=2.0), limits=replace(LIMITS, target_wait=120.0, most=400))
    at_once = outcomes(burst(400, takes=2.0), limits=replace(LIMITS, most=400))
    warm = Workload([1.0, 10.0, *[60.0] * 400], [2.0] * 402)  # the service time is known by then
    known = outcomes(warm, limits=replace(LIMITS, target_wait=120.0, most=400))["taskfleet"]
    assert at_once["taskfleet"].largest == long_wait["taskfleet"].largest == 400
    assert known.largest < 40
    assert known.wait(0.99) <= 120.0


def test_tasks_that_never_start_have_waited_until_the_end() -> None:
    of = outcomes(burst(100, takes=500.0), limits=replace(LIMITS, most=1), duration=600.0)["taskfleet"]
    assert of.not_started == 98
    assert of.wait(0.5) == pytest.approx(570.0)


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert outcomes(burst(50)) == outcomes(burst(50))


def test_the_largest_size_counts_the_deployments_pods() -> None:
    assert {name: outcome.largest for name, outcome in outcomes(burst(400)).items()} == {
        "taskfleet": 40,
        "keda": 40,
        "fixed": 40,
    }
