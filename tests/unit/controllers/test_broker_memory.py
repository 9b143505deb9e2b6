"""When a broker's memory is told of, and as what."""

from typing import Any

import pytest

from taskfleet.api import Broker, Object
from taskfleet.brokers.probe import Probe, Verdict
from taskfleet.controllers.broker_memory import memory_condition, memory_events, memory_in_use
from tests.unit.objects import broker

GIB = 2**30
MANAGED: Object = {}
EXTERNAL = {"external": {"urlSecretRef": {"name": "company", "key": "url"}}}


def told(probe: Probe | None, *, before: str | None = None, spec: Object = MANAGED) -> Object | None:
    raw = broker(**spec)
    if before is not None:
        status = "True" if before == "SufficientMemory" else "False"
        raw["status"] = {"conditions": [{"type": "MemoryAvailable", "status": status, "reason": before}]}
    return next(iter(memory_condition(Broker.parse(raw), probe)), None)


def using(share: float, **more: Any) -> Probe:
    return Probe(Verdict.REACHABLE, used_memory=int(share * GIB), max_memory=GIB, **more)


@pytest.mark.parametrize(
    ("share", "before", "reason"),
    [
        pytest.param(0.1, None, "SufficientMemory", id="little"),
        pytest.param(0.79, None, "SufficientMemory", id="just-below"),
        pytest.param(0.801, None, "MemoryPressure", id="four-fifths"),
        pytest.param(0.79, "MemoryPressure", "MemoryPressure", id="a-little-less-than-before"),
        pytest.param(0.74, "MemoryPressure", "SufficientMemory", id="clearly-less-than-before"),
        pytest.param(1.02, "MemoryPressure", "MemoryPressure", id="full"),
    ],
)
def test_share_of_the_memory(share: float, before: str | None, reason: str) -> None:
    found = told(using(share), before=before)
    assert found is not None
    assert found["reason"] == reason
    assert found["status"] == ("True" if reason == "SufficientMemory" else "False")


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
    assert (found["status"], found["reason"]) == ("False", "KeyEvictionEnabled")


def test_server_without_a_limit_or_without_figures() -> None:
    unlimited = told(Probe(Verdict.REACHABLE, used_memory=GIB, evicts=True))
    assert unlimited is not None
    assert unlimited["status"] == "True"
    assert told(Probe(Verdict.REACHABLE)) is None
    kept = told(Probe(Verdict.UNREACHABLE), before="MemoryPressure")
    assert kept is not None
    assert kept["reason"] == "MemoryPressure"


def test_trouble_is_one_warning_and_its_end_none() -> None:
    before = broker()
    full: Object = {"conditions": memory_condition(Broker.parse(before), using(0.9))}
    (event,) = memory_events(before, full)
    assert (event.reason, event.severity) == ("MemoryPressure", "Warning")
    after = {**before, "status": full}
    assert memory_events(after, full) == []
    assert memory_events(after, {"conditions": memory_condition(Broker.parse(after), using(0.1))}) == []


@pytest.mark.parametrize(
    ("used", "limit", "expected"),
    [
        pytest.param(None, None, None, id="unknown"),
        pytest.param(1.0, None, "1Mi", id="no-limit"),
        pytest.param(1.5, 10, "1.5Mi of 10Mi", id="limit"),
        pytest.param(10.0, 20, "10Mi of 20Mi", id="tens"),
    ],
)
def test_memory_in_use(used: float | None, limit: int | None, expected: str | None) -> None:
    assert in_use(used, limit) == expected


@pytest.mark.parametrize(
    ("used", "limit", "before", "expected"),
    [
        pytest.param(1.34, 10, "1.3Mi of 10Mi", "1.3Mi of 10Mi", id="wavers"),
        pytest.param(1.36, 10, "1.3Mi of 10Mi", "1.3Mi of 10Mi", id="wavers-over-the-edge-of-rounding"),
        pytest.param(1.41, 10, "1.3Mi of 10Mi", "1.4Mi of 10Mi", id="grows"),
        pytest.param(1.36, 20, "1.3Mi of 10Mi", "1.4Mi of 20Mi", id="another-limit"),
        pytest.param(1.36, None, "1.3.1Mi", "1.4Mi", id="not-ours"),
    ],
)
def test_memory_in_use_keeps_the_figure_that_is_shown(
    used: float, limit: int | None, before: str, expected: str
) -> None:
    assert in_use(used, limit, before) == expected


def in_use(used: float | None, limit: int | None, before: str | None = None) -> str | None:
    raw = broker(status={"memory": before})
    mebi = 2**20
    probe = Probe(
        Verdict.REACHABLE,
        used_memory=None if used is None else int(used * mebi),
        max_memory=None if limit is None else limit * mebi,
    )
    return memory_in_use(Broker.parse(raw), probe)
