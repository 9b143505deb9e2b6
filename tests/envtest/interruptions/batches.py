"""Many runs at once: with an operator each that is killed, or with one operator that they share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.envtest.faults import Fault
from tests.envtest.interruptions.disturbance import UNDISTURBED, Disturbance, EventFates
from tests.envtest.interruptions.fork_server import ForkServer
from tests.envtest.interruptions.history import History, Since
from tests.envtest.interruptions.run import Expected, Run, judge, play, run_killed, stage_for
from tests.envtest.interruptions.scenarios import Scenario, Stage
from tests.envtest.pods import kubelet
from tests.envtest.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube

_OPERATORS_AT_ONCE = 6
_NAMESPACES_AT_ONCE = 24
Case = tuple[Scenario, Disturbance]


@dataclass
class Place:
    """Where runs take place."""

    kube: Kube
    redis_server: RedisServer
    folder: Path


class Batches(ABC):
    """`undisturbed` says for each scenario what it comes to, and how many writes or events it has."""

    def __init__(self, place: Place, at_once: int) -> None:
        self._place = place
        self._at_once = at_once
        self._expected: dict[str, Expected] = {}
        self._counts: dict[str, int] = {}

    def undisturbed(self, scenarios: Iterable[Scenario]) -> dict[str, int]:
        """The number of writes or events of each scenario."""
        for runs in self._run([(scenario, UNDISTURBED) for scenario in scenarios]):
            for run, history in runs:
                expected = Expected(run.ending, history.count("ADDED"), history.count("DELETED"))
                assert judge(run, history, expected) == []
                self._expected[run.scenario.name] = expected
                self._counts[run.scenario.name] = run.count
        return dict(self._counts)

    def disturbed(self, cases: Sequence[Case]) -> list[str]:
        """What is wrong, a line each."""
        return [
            problem
            for runs in self._run(cases)
            for run, history in runs
            for problem in judge(run, history, self._expected[run.scenario.name])
        ]

    def _run(self, cases: Sequence[Case]) -> Iterator[list[tuple[Run, History]]]:
        for start in range(0, len(cases), self._at_once):
            some, since = cases[start : start + self._at_once], Since(self._place.kube)
            with ExitStack() as stages, kubelet(self._place.kube):
                placed = [
                    (stages.enter_context(stage_for(self._place.kube, self._place.redis_server)), *case)
                    for case in some
                ]
                runs = self._together(placed)
                events = since.read()
                yield [(run, History.of(events, run.namespace)) for run in runs]

    @abstractmethod
    def _together(self, placed: Sequence[tuple[Stage, Scenario, Disturbance]]) -> list[Run]:
        """What became of each, at the same time."""

    def _ending(self, scenario: Scenario) -> object:
        expected = self._expected.get(scenario.name)
        return expected.ending if expected is not None else None


class Kills(Batches):
    """With an operator for each run."""

    def __init__(self, place: Place, kubeconfig: Path, server: ForkServer) -> None:
        super().__init__(place, _OPERATORS_AT_ONCE)
        self._kubeconfig = kubeconfig
        self._server = server

    def _together(self, placed: Sequence[tuple[Stage, Scenario, Disturbance]]) -> list[Run]:
        def run(stage: Stage, scenario: Scenario, disturbance: Disturbance) -> Run:
            folder = self._place.folder / stage.namespace
            folder.mkdir()
            return run_killed(
                *(stage, scenario, disturbance, self._ending(scenario)),
                kubeconfig=self._kubeconfig,
                folder=folder,
                server=self._server,
            )

        return _in_threads(run, placed)


class EventFaults(Batches):
    """With one operator, which goes through `proxy`, for all."""

    def __init__(self, place: Place, proxy: Proxy, log: Callable[[], str]) -> None:
        super().__init__(place, _NAMESPACES_AT_ONCE)
        self._proxy = proxy
        self._log = log

    def _together(self, placed: Sequence[tuple[Stage, Scenario, Disturbance]]) -> list[Run]:
        fates = EventFates({stage.namespace: disturbance for stage, _, disturbance in placed})
        before = len(self._log())

        def run(stage: Stage, scenario: Scenario, disturbance: Disturbance) -> Run:
            one = Run(scenario, disturbance, stage.namespace)
            play(stage, one, self._ending(scenario), revive=lambda: None, begins=lambda: None)
            one.count = fates.seen[stage.namespace]
            return one

        with self._proxy.inject(Fault(verbs=["watch"], fate=fates.fate)):
            runs = _in_threads(run, placed)
        if "Traceback" in (said := self._log()[before:]):
            runs[0].problems.append(f"the operator's log: {said[said.index('Traceback') :][:1500]}")
        return runs


def _in_threads(
    run: Callable[[Stage, Scenario, Disturbance], Run], placed: Sequence[tuple[Stage, Scenario, Disturbance]]
) -> list[Run]:
    with ThreadPoolExecutor(len(placed)) as threads:
        return list(threads.map(lambda case: run(*case), placed))
