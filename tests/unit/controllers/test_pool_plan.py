"""What a pool becomes, decided from what is known: no cluster, no broker."""

from dataclasses import replace
from typing import Any

import pytest

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.reasons import PoolReason, Reason
from taskfleet.brokers.capabilities import RABBITMQ
from taskfleet.controllers.plan import Apply, Plan, PodTemplate, RequeueDeadLetters
from taskfleet.controllers.pool_plan import PoolInputs, plan_pool
from tests.unit.controllers.scene import ready_broker
from tests.unit.objects import NAMESPACE, pool
from tests.unit.resources.objects import INSTALLATION

NEXT_VERSION = replace(INSTALLATION, runtime_image="registry.test/taskfleet-worker:2", version="2.0.0")
BROKER = Key("Broker", NAMESPACE, "default")


def inputs(meta: Object | None = None, **spec: Any) -> PoolInputs:
    return PoolInputs(WorkerPool.parse(pool(meta=meta, **spec)), ready_broker(), INSTALLATION)


def workers(plan: Plan) -> Apply:
    first = plan.children[0]
    assert isinstance(first, Apply)
    return first


def test_a_new_pool_prints_as_what_happens_in_order() -> None:
    plan = plan_pool(inputs(replicas=3, beat={}, networkPolicy={}))
    assert repr(plan).split("; ") == [
        "apply Deployment shop/mail-worker (create with 3 pods)",
        "apply PodDisruptionBudget shop/mail-worker",
        "apply NetworkPolicy shop/mail-worker",
        "apply Deployment shop/mail-appbeat (after PersistentVolumeClaim shop/mail-appbeat)",
    ]


def test_what_the_spec_asks_for_no_more_is_removed() -> None:
    plan = plan_pool(inputs(replicas=1))
    assert list(map(repr, plan.children[1:])) == [
        "remove PodDisruptionBudget shop/mail-worker",
        "remove NetworkPolicy shop/mail-worker",
        "remove Deployment shop/mail-appbeat",
    ]


def test_a_beat_that_runs_has_its_volume() -> None:
    running = {"status": {"readyReplicas": 1}}
    plan = plan_pool(replace(inputs(beat={}), beat=running))
    assert "PersistentVolumeClaim" not in repr(plan)


def test_a_beat_that_cannot_be_built_holds_up_neither_workers_nor_their_budget() -> None:
    plan = plan_pool(inputs(replicas=2, beat={"template": {"spec": {"$patch": "replace"}}}))
    assert [child.key.kind for child in plan.children] == [
        "Deployment",
        "PodDisruptionBudget",
        "NetworkPolicy",
    ]
    assert plan.problem is not None
    assert (plan.problem.why[0], plan.problem.final) == (Reason.INVALID_SPEC, True)


@pytest.mark.parametrize(
    ("its_turn", "template", "version"),
    [
        pytest.param(False, PodTemplate.KEPT, "1", id="not-its-turn"),
        pytest.param(True, PodTemplate.ROLLED, "2", id="its-turn"),
    ],
)
def test_pods_of_another_operator_version_stay_until_it_is_their_turn(
    its_turn: bool, template: PodTemplate, version: str
) -> None:
    live = workers(plan_pool(inputs())).built
    after = replace(inputs(), installation=NEXT_VERSION, deployment=live, its_turn=its_turn)
    apply = workers(plan_pool(after))
    assert (apply.template, apply.seed) == (template, None)
    init = apply.built["spec"]["template"]["spec"]["initContainers"][0]
    assert init["image"].endswith(f":{version}")


def test_another_spec_rolls_the_pods_without_a_turn() -> None:
    live = workers(plan_pool(inputs())).built
    changed = inputs(image="registry.test/app:2")
    apply = workers(plan_pool(replace(changed, installation=NEXT_VERSION, deployment=live)))
    assert apply.template is PodTemplate.CURRENT


@pytest.mark.parametrize(
    ("changes", "reason", "final"),
    [
        pytest.param(
            {"broker": {**ready_broker(), "spec": {"redis": {"maxMemory": 1.5}}}},
            PoolReason.BROKER_NOT_READY,
            False,
            id="broker-that-cannot-be-read",
        ),
        pytest.param({"capabilities": RABBITMQ}, Reason.INVALID_SPEC, True, id="results-on-rabbitmq"),
        pytest.param(
            {"broker": None, "auto_create_broker": False}, Reason.BROKER_MISSING, False, id="no-broker"
        ),
    ],
)
def test_a_pool_that_cannot_be_built_changes_nothing(
    changes: dict[str, Any], reason: Reason, final: bool
) -> None:
    plan = plan_pool(replace(inputs(resultBackend={"broker": {"database": 1}}), **changes))
    assert (plan.children, plan.requests) == ((), ())
    assert plan.problem is not None
    assert (plan.problem.why[0], plan.problem.final) == (reason, final)


def test_dead_letters_are_requeued_after_the_children_and_asked_for_once() -> None:
    asking = inputs({"annotations": {"taskfleet.dev/requeue": "token id-1"}}, queues=["emails"])
    (request,) = plan_pool(asking).requests
    assert isinstance(request, RequeueDeadLetters)
    assert (request.broker, request.queues, request.request.ids) == (BROKER, ("emails",), ("id-1",))
    answered = {"lastRequeue": {"token": "token", "time": "2026-01-01T00:00:00Z", "messages": 1}}
    told = WorkerPool.parse(
        {**pool(meta={"annotations": {"taskfleet.dev/requeue": "token"}}), "status": answered}
    )
    assert plan_pool(replace(asking, pool=told)).requests == ()
