"""When a broker's memory is told of, and as what."""

from typing import Any

import pytest

from taskfleet.api import Broker, Object
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker_memory import memory_condition, memory_events
from tests.unit.objects import broker

GIB = 2**30
MANAGED: Object = {}
EXTERNAL = {"external": {"urlSecretRef": {"name": "company", "key": "url"}}}


def told(probe: Probe | None, *, before: str | None = None, spec: Object = MANAGED) -> Object | None:
    raw = broker(**spec)
    if before is not None:
        status = "True" if before == "MemoryEnough" else "False"
        raw["status"] = {"conditions": [{"type": "MemoryAvailable", "status": status, "reason": before}]}
    return next(iter(memory_condition(Broker.parse(raw), probe)), None)


def using(share: float, **more: Any) -> Probe:
    return Probe(Verdict.ANSWERS, used_memory=int(share * GIB), max_memory=GIB, **more)


@pytest.mark.parametrize(
    ("share", "before", "reason"),
    [
        pytest.param(0.1, None, "MemoryEnough", id="little"),
        pytest.param(0.79, None, "MemoryEnough", id="just-below"),
        pytest.param(0.801, None, "NearlyFull", id="four-fifths"),
        pytest.param(0.79, "NearlyFull", "NearlyFull", id="a-little-less-than-before"),
        pytest.param(0.74, "NearlyFull", "MemoryEnough", id="clearly-less-than-before"),
        pytest.param(1.02, "NearlyFull", "NearlyFull", id="full"),
    ],
)
def test_share_of_the_memory(share: float, before: str | None, reason: str) -> None:
    found = told(using(share), before=before)
    assert found is not None
    assert found["reason"] == reason
    assert found["status"] == ("True" if reason == "MemoryEnough" else "False")


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        pytest.param(MANAGED, "Raise spec.redis.maxMemory", id="managed"),
        pytest.param(EXTERNAL, "Raise maxmemory of the server", id="external"),
    ],
)
def test_advice_names_the_memory_and_the_results(spec: Object, advice: str) -> None:
    found = told(using(0.9), spec=spec)
    assert found is not None
    assert advice in found["message"]
    assert "result_expires" in found["message"]


def test_server_that_drops_keys_is_told_of_while_it_is_empty() -> None:
    found = told(using(0.01, evicts=True), spec=EXTERNAL)
    assert found is not None
    assert (found["status"], found["reason"]) == ("False", "EvictsKeys")


def test_server_without_a_limit_or_without_figures() -> None:
    unlimited = told(Probe(Verdict.ANSWERS, used_memory=GIB, evicts=True))
    assert unlimited is not None
    assert unlimited["status"] == "True"
    assert told(Probe(Verdict.ANSWERS)) is None
    kept = told(Probe(Verdict.UNREACHABLE), before="NearlyFull")
    assert kept is not None
    assert kept["reason"] == "NearlyFull"


def test_trouble_is_one_warning_and_its_end_none() -> None:
    before = broker()
    full: Object = {"conditions": memory_condition(Broker.parse(before), using(0.9))}
    (event,) = memory_events(before, full)
    assert (event.reason, event.severity) == ("NearlyFull", "Warning")
    after = {**before, "status": full}
    assert memory_events(after, full) == []
    assert memory_events(after, {"conditions": memory_condition(Broker.parse(after), using(0.1))}) == []
