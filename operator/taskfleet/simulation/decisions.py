"""The operator's own decisions, tick after tick, from the load of simulated pods and applied to them."""

from taskfleet.brokers.polling.worker_report import QueueWork, Report
from taskfleet.scaling.load import Limits, PodLoad, PodState, PoolLoad
from taskfleet.scaling.scale_plan import ScalePlan, moves
from taskfleet.scaling.sizing import decide, remember
from taskfleet.scaling.task_rates import TaskRates
from taskfleet.simulation.fleet import Fleet, Pod

TICK_SECONDS = 0.5  # the slowest that the loop ticks


class Taskfleet:
    name = "Taskfleet"

    def __init__(self, limits: Limits) -> None:
        self.next_look = TICK_SECONDS / 2  # on average something happens in the middle between two ticks
        self._limits = limits
        self._memory = remember(limits.least, 0.0)
        self._rates = TaskRates()

    def begin(self, fleet: Fleet) -> None:
        fleet.warm_up(self._limits.least)

    def tick(self, fleet: Fleet) -> None:
        self.next_look += TICK_SECONDS
        load = self._load(fleet)
        verdict, self._memory = decide(load, self._memory, fleet.now)
        _carry_out(moves(load, verdict.pods, empty_readings=self._memory.empty_readings), fleet)

    def _load(self, fleet: Fleet) -> PoolLoad:
        reports = {name: _report(pod) for name, pod in fleet.pods.items() if pod.consumes}
        self._rates.add(reports, waiting=len(fleet.waiting), now=fleet.now)
        return PoolLoad(
            limits=self._limits,
            replicas=len(fleet.pods),
            pods=tuple(_pod_load(pod, fleet.now) for pod in fleet.pods.values()),
            waiting=len(fleet.waiting),
            service_time=self._rates.service_time(),
            arrival_rate=self._rates.arrival_rate(fleet.now),
            received_at=self._rates.received_at,
        )


def _report(pod: Pod) -> Report:
    active = len(pod.active)
    work = QueueWork(active, held=active, done=pod.done, busy_seconds=pod.busy_seconds)
    return Report(state="ready", active=active, queues={"queue": work})


def _pod_load(pod: Pod, now: float) -> PodLoad:
    removable = pod.drained and pod.marked and not pod.ready(now)
    return PodLoad(
        pod.name,
        _state(pod),
        active=len(pod.active),
        marked=pod.marked,
        removable=removable,
        asked=pod.draining,
    )


def _state(pod: Pod) -> PodState:
    if not pod.consumes:
        return PodState.STARTING
    if not pod.draining:
        return PodState.CONSUMING
    return PodState.DRAINED if pod.drained else PodState.DRAINING


def _carry_out(step: ScalePlan, fleet: Fleet) -> None:
    for name in step.unmark:
        fleet.pods[name].marked = False
    for name in step.resume:
        fleet.resume(name)
    for name in step.drain:
        fleet.drain(name)
    for name in step.mark:
        fleet.pods[name].marked = True
    if step.replicas != len(fleet.pods):
        fleet.scale(step.replicas)
