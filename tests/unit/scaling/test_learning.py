"""What the spec leaves to the app is taken from the pods' reports."""

from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Object, WorkerPool
from taskfleet.brokers.polling.broker_snapshot import LastReport
from taskfleet.brokers.polling.worker_report import Report, WorkerFacts
from taskfleet.resources.worker_deployment import INPUTS_HASH, TEMPLATE_HASH
from taskfleet.scaling.demand import want
from taskfleet.scaling.learning import learnt, to_learn
from taskfleet.scaling.load import Limits, PoolLoad
from tests.unit.objects import own, pod

FACTS = WorkerFacts("5.7.0", "5.7.0", "3.12.1", "threads", 8, ["mail", "sms"], True, 8)


def pool(status: Object | None = None, **spec: Any) -> WorkerPool:
    minimal = {"app": "proj", "image": "registry.test/app:1", "autoscale": {"maxReplicas": 40}}
    return WorkerPool.parse(own("WorkerPool", "mail", minimal | spec, status=status))


def deployment(inputs: str = "1", template: str = "a") -> Object:
    return {"metadata": {"annotations": {INPUTS_HASH: inputs, TEMPLATE_HASH: template}}}


def worker(name: str, template: str = "a") -> Object:
    return pod(name, annotations={TEMPLATE_HASH: template})


def report(facts: WorkerFacts | None = FACTS, started_at: float = 1.0) -> LastReport:
    return LastReport(Report(state="ready", worker=facts, started_at=started_at), 100.0, b"")


def told(**spec: Any) -> WorkerPool:
    return learnt(pool(**spec), deployment(), [worker("p")], {"p": report()})


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        pytest.param({}, "its concurrency and its queues", id="nothing-is-set"),
        pytest.param({"queues": ["a"]}, "how many tasks it runs at once", id="queues"),
        pytest.param({"concurrency": 3}, "which queues it consumes", id="concurrency"),
        pytest.param({"processAutoscale": {"min": 1, "max": 3}}, "which queues it consumes", id="autoscale"),
        pytest.param({"concurrency": 3, "queues": ["a"]}, None, id="both"),
        pytest.param({"pool": "solo", "queues": ["a"]}, None, id="solo"),
    ],
)
def test_only_what_the_spec_leaves_to_the_app_is_to_be_learnt(
    spec: dict[str, Any], missing: str | None
) -> None:
    assert to_learn(pool(**spec), deployment()) == missing
    assert to_learn(told(**spec), deployment()) is None


def test_other_settings_are_to_be_learnt_again() -> None:
    assert to_learn(told(), deployment(inputs="2")) is not None


def test_a_rollout_of_another_operator_version_is_nothing_new() -> None:
    assert to_learn(told(), deployment(template="b")) is None


def test_a_pool_scales_by_what_its_pods_told() -> None:
    assert (told().queues, told().capacity) == (("mail", "sms"), 8)
    load = PoolLoad(Limits.of(told()), replicas=0, waiting=320)
    assert want(load).pods == 40, "0 to 40 in one step"


def test_what_the_spec_says_holds_against_what_pods_tell() -> None:
    given = told(queues=["a"], concurrency=2)
    assert (given.queues, given.capacity) == (("a",), 2)


def test_pods_of_an_older_template_tell_nothing() -> None:
    before = pool()
    assert learnt(before, deployment(), [worker("p", template="0")], {"p": report()}) is before


def test_of_several_pods_the_newest_holds() -> None:
    newer = report(FACTS._replace(capacity=2), started_at=5.0)
    seen = learnt(pool(), deployment(), [worker("p"), worker("q")], {"p": newer, "q": report()})
    assert seen.capacity == 2


def test_a_pod_of_an_older_runtime_tells_nothing() -> None:
    before = pool()
    assert learnt(before, deployment(), [worker("p")], {"p": report(facts=None)}) is before


def test_what_was_told_outlasts_the_pod() -> None:
    assert learnt(told(), deployment(), [], {}).capacity == 8


def test_one_pod_starts_to_tell_and_says_why() -> None:
    idle = PoolLoad(Limits.of(pool()), replicas=0, learning="which queues it consumes")
    wanted = want(idle)
    assert (wanted.pods, wanted.sentence) == (1, "no pod has reported which queues it consumes yet: 1 pod")
    assert want(replace(idle, learning=None)).pods == 0
    none = Limits.of(pool(autoscale={"maxReplicas": 0}))
    assert want(replace(idle, limits=none)).pods == 0
