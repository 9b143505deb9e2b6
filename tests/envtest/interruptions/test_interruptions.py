"""The operator is killed at each of its writes, and each watch event is dropped, late or doubled: the end is the same."""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.envtest.interruptions.batches import Batches, Case, EventFaults, Kills, Place
from tests.envtest.interruptions.disturbance import Disturbance, Event, Kill
from tests.envtest.interruptions.fork_server import fork_server
from tests.envtest.interruptions.scenarios import SCENARIOS, Scenario
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube

_SEED = 14
_SAMPLE = 2


@pytest.fixture
def place(kubeconfig: Path, redis_server: RedisServer, tmp_path: Path) -> Iterator[Place]:
    client = Kube(kubeconfig, connections=64)
    yield Place(client, redis_server, tmp_path)
    client.close()


@pytest.fixture
def kills(place: Place, kubeconfig: Path) -> Iterator[Kills]:
    with fork_server() as server:
        yield Kills(place, kubeconfig, server)


@pytest.fixture
def event_faults(place: Place, shared_proxy: Proxy, shared_operator: OperatorProcess) -> EventFaults:
    return EventFaults(place, shared_proxy, shared_operator.log)


def cases(counts: Mapping[str, int], kinds: type[Kill] | type[Event]) -> list[Case]:
    """Every way to disturb each write or event of these scenarios."""
    return [
        (scenario, Disturbance(how, at))
        for scenario in SCENARIOS
        for at in range(1, counts.get(scenario.name, 0) + 1)
        for how in kinds
    ]


def report(what: str, counts: Mapping[str, int], tried: Sequence[Case], problems: list[str]) -> None:
    numbers = ", ".join(f"{name} {count}" for name, count in counts.items())
    print(f"{what} ({numbers}): {len(tried)} runs, {len(problems)} failures")
    assert problems == []


def sampled(batches: Batches, scenario: Scenario, kinds: type[Kill] | type[Event]) -> list[str]:
    every = cases(batches.undisturbed([scenario]), kinds)
    return batches.disturbed(random.Random(_SEED).sample(every, _SAMPLE))


def test_a_sample_of_kills(kills: Kills) -> None:
    assert sampled(kills, SCENARIOS[0], Kill) == []


def test_a_sample_of_event_faults(event_faults: EventFaults) -> None:
    assert sampled(event_faults, SCENARIOS[2], Event) == []


@pytest.mark.long
def test_all_kills(kills: Kills) -> None:
    counts = kills.undisturbed(SCENARIOS)
    every = cases(counts, Kill)
    report("writes", counts, every, kills.disturbed(every))


@pytest.mark.long
def test_all_event_faults(event_faults: EventFaults) -> None:
    counts = event_faults.undisturbed(SCENARIOS)
    every = cases(counts, Event)
    report("events", counts, every, event_faults.disturbed(every))
