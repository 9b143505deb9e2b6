"""A pool at zero before a planned run: when its first pod is started, how long it is kept, and who says so."""

from dataclasses import dataclass, field, replace

import pytest

from taskfleet.scaling.load import PodLoad, PodState, PoolLoad
from taskfleet.scaling.prewarm import LONGEST_LEAD_SECONDS, StartTimes, next_look_in
from taskfleet.scaling.sizing import decide, remember
from tests.unit.scaling.fleet import LIMITS, Fleet


def load(*, due: float | None, lead: float = 10.0, **changes: object) -> PoolLoad:
    return replace(PoolLoad(LIMITS, replicas=0), next_run_in=due, lead=lead, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "pods"),
    [
        pytest.param(None, 0, id="nothing-planned"),
        pytest.param(10.1, 0, id="too-early"),
        pytest.param(10.0, 1, id="as-long-before-as-a-start-takes"),
        pytest.param(0.0, 1, id="due"),
        pytest.param(-60.0, 1, id="a-minute-late"),
        pytest.param(-60.1, 0, id="never-sent"),
    ],
)
def test_the_first_pod_is_started_for_a_planned_run(due: float | None, pods: int) -> None:
    verdict, _ = decide(load(due=due), remember(0, 0.0), now=0.0)
    assert verdict.pods == pods


def test_the_sentence_tells_of_the_run_and_of_the_start() -> None:
    verdict, _ = decide(load(due=8.0), remember(0, 0.0), now=0.0)
    expected = "no tasks, but a scheduled run is due in 8 s and a pod takes up to 10 s to start: 1 pod."
    assert verdict.sentence == expected


def test_tasks_that_wait_decide_before_any_plan() -> None:
    verdict, _ = decide(load(due=8.0, waiting=3), remember(0, 0.0), now=0.0)
    assert (verdict.pods, verdict.sentence) == (3, "3 waiting + 0 running at 1 per pod: 3 pods.")


def test_a_maximum_of_zero_holds() -> None:
    none = replace(LIMITS, most=0)
    verdict, _ = decide(load(due=8.0, limits=none), remember(0, 0.0), now=0.0)
    assert verdict.pods == 0


def seen(times: StartTimes, started_at: float, seconds: float, name: str = "pod") -> None:
    times.add([PodLoad(name, PodState.STARTING)], started_at)
    times.add([PodLoad(name, PodState.STARTING)], started_at + seconds / 2)
    times.add([PodLoad(name, PodState.CONSUMING)], started_at + seconds)
    times.add([], started_at + seconds + 1)


def test_the_lead_is_learned_from_the_slowest_of_the_last_starts() -> None:
    times = StartTimes()
    assert times.lead == LONGEST_LEAD_SECONDS
    seen(times, 0.0, 10.0)
    seen(times, 20.0, 5.0)
    assert times.lead == 14.0
    for at in range(5):
        seen(times, 40.0 + 20 * at, 5.0)
    assert times.lead == 8.0


def test_a_pod_that_never_came_up_teaches_nothing_and_the_lead_has_a_limit() -> None:
    times = StartTimes()
    times.add([PodLoad("gone", PodState.STARTING)], 0.0)
    times.add([], 5.0)
    assert times.lead == LONGEST_LEAD_SECONDS
    seen(times, 10.0, 300.0)
    assert times.lead == LONGEST_LEAD_SECONDS


def test_the_next_look_is_when_the_pod_has_to_start() -> None:
    assert next_look_in(load(due=25.0)) == 15.0
    assert next_look_in(load(due=9.0)) is None
    assert next_look_in(load(due=None)) is None


@dataclass
class Planned(Fleet):
    """A simulated pool whose pods take `start` seconds, and a run every `every` seconds that takes 1 s."""

    every: float = 120.0
    start: float = 8.0
    times: StartTimes = field(default_factory=StartTimes)
    began: dict[str, float] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    def load(self) -> PoolLoad:
        for name, pod in self.pods.items():
            up = self.now - self.began.setdefault(name, self.now) >= self.start
            if pod.state is PodState.STARTING and up:
                self.pods[name] = replace(pod, state=PodState.CONSUMING)
        self.times.add(self.pods.values(), self.now)
        due = self.every - self.now % self.every
        return replace(super().load(), next_run_in=due, lead=self.times.lead)

    def live(self, seconds: float) -> None:
        self.keep_starting = True
        waits_since: float | None = None
        for _ in range(int(seconds / 0.5)):
            if self.now and self.now % self.every == 0:
                self.waiting, waits_since = 1, self.now
            self.tick()
            if waits_since is not None and self.consuming():
                self.waits.append(self.now - waits_since)
                self.waiting, waits_since = 0, None


def test_after_the_first_start_no_planned_run_waits_for_a_pod_and_the_pool_is_at_zero_between() -> None:
    fleet = Planned()
    sizes: list[int] = []
    for _ in range(6):
        fleet.live(fleet.every / 2)
        sizes.append(fleet.replicas)
    fleet.live(fleet.every / 2)
    assert fleet.waits == [0.5] * len(fleet.waits)
    assert len(fleet.waits) >= 3
    assert fleet.removed_busy == 0
    assert 0 in sizes
