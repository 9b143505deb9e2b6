"""A scenario under a disturbance, in a namespace of its own, held against the undisturbed one."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.envtest.conftest import new_namespace
from tests.envtest.interruptions.disturbance import Disturbance, Killer
from tests.envtest.interruptions.fork_server import ForkServer
from tests.envtest.interruptions.history import History
from tests.envtest.interruptions.scenarios import Scenario, Stage, Step, referred
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.proxy import Proxy
from tests.envtest.states import difference
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import wait_for

_HOME = "default"  # of all operators: what they build has its uid
_STEP_SECONDS = 60.0
_END_SECONDS = 60.0
# A broker is looked at closely only now and then.
_LATER = ("VisibilityTimeoutsMatch", "MemoryAvailable", "ReportsValid", "FullySupported", "VariablesApplied")
_STEADY_LOOKS = 4  # of a half second each: an end that is the same for so long is one


@dataclass
class Run:
    """What came of one run."""

    scenario: Scenario
    disturbance: Disturbance
    namespace: str
    ending: Any = None
    count: int = 0  # writes or events that could have been disturbed
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.scenario}, {self.disturbance}"


@dataclass(frozen=True)
class Expected:
    """What the undisturbed run came to."""

    ending: Any
    created: Counter[str]
    deleted: Counter[str]


def judge(run: Run, history: History, expected: Expected) -> list[str]:
    """What is wrong with a run, a line each."""
    found = [*run.problems, *history.problems(run.scenario.sizes)]
    for what, before in (("ADDED", expected.created), ("DELETED", expected.deleted)):
        if (seen := history.count(what)) != before:
            more, fewer = dict(seen - before), dict(before - seen)
            found.append(f"{what} otherwise than undisturbed: more {more}, fewer {fewer}")
    return [f"{run}: {problem}" for problem in found]


def play(
    stage: Stage, run: Run, expected: Any, *, revive: Callable[[], None], begins: Callable[[], None]
) -> None:
    """Do what the user does, and wait for the end; `revive` brings an operator back that was killed."""

    def do(step: Step) -> None:
        def reached() -> bool:
            revive()
            return step.reached(stage)

        begins()
        step.act(stage)
        wait_for(reached, _STEP_SECONDS, what="what a step brings about", poll=0.2)

    try:
        for step in run.scenario.steps:
            do(step)
        run.ending = _steady(stage) if expected is None else _arrives(stage, expected, revive)
    except AssertionError as error:
        run.problems.append(f"{error}; {difference(_end(stage), expected)}")


def _end(stage: Stage) -> Any:
    """Verdicts and children of everything of ours. The words of a verdict may tell of pods by their names."""
    return {
        " ".join(owner): {
            "settled": one.settled,
            "conditions": {kind: told[:2] for kind, told in one.conditions.items() if kind not in _LATER},
            "children": one.children,
        }
        for owner, one in stage.states().items()
    }


def _arrives(stage: Stage, expected: Any, revive: Callable[[], None]) -> Any:
    def so() -> bool:
        revive()
        return bool(_end(stage) == expected)

    wait_for(so, _END_SECONDS, what="the end of the undisturbed run", poll=0.3)
    return expected


def _steady(stage: Stage) -> Any:
    """The end, once it stays the same."""
    looks: list[Any] = []

    def same() -> bool:
        looks.append(_end(stage))
        return looks[-_STEADY_LOOKS:] == [looks[-1]] * _STEADY_LOOKS

    wait_for(same, _END_SECONDS, what="a steady end", poll=0.5)
    return looks[-1]


@contextmanager
def stage_for(kube: Kube, redis_server: RedisServer) -> Iterator[Stage]:
    with new_namespace(kube) as namespace:
        kube.apply(referred(namespace, redis_server.url))
        yield Stage(kube, namespace, redis_server.client, redis_server.url)


def run_killed(
    stage: Stage,
    scenario: Scenario,
    disturbance: Disturbance,
    expected: Any,
    *,
    kubeconfig: Path,
    folder: Path,
    server: ForkServer,
) -> Run:
    """With an operator of its own, which is killed once and begins again at once."""
    run = Run(scenario, disturbance, stage.namespace)
    with Proxy(kubeconfig, folder) as proxy:
        operator = OperatorProcess(
            proxy.kubeconfig,
            log_file=folder / "operator.log",
            lease_namespace=_HOME,
            namespaces=[stage.namespace],
            settings={"LEASE_NAME": stage.namespace},
            launch=server.launch,
        )
        killer = Killer(disturbance, operator.kill)

        def begins() -> None:
            killer.stale_from = stage.kube.version("WorkerPool", stage.namespace)

        def revive() -> None:
            if not operator.running:
                # Nobody else waits for it: what is told apart here is not who leads.
                stage.kube.delete("Lease", stage.namespace, _HOME)
                operator.start()

        try:
            operator.start().wait_until_leading()
            proxy.witness = killer
            play(stage, run, expected, revive=revive, begins=begins)
        finally:
            operator.kill()
            stage.kube.delete("Lease", stage.namespace, _HOME)
        run.count = killer.writes
        if disturbance.at and not killer.struck and not run.problems:
            run.problems.append("was not disturbed")
        if "Traceback" in operator.log():
            run.problems.append(f"the operator's log: {operator.log()[-1500:]}")
    return run
