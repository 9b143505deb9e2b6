"""How a plan is carried out, on an API server in memory."""

import pytest

from taskfleet.api import Key, Object
from taskfleet.api.reasons import Reason
from taskfleet.controllers.execution import UnknownChildError, attempt, execute
from taskfleet.controllers.plan import Apply, CreateBroker, Plan, Problem, Remove, invalid_spec
from taskfleet.kube.errors import NameConflictError
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE, metadata, own, pool

SETTINGS = Key("ConfigMap", NAMESPACE, "settings")
BROKER = Key("Broker", NAMESPACE, "default")


def config_map(name: str = "settings") -> Object:
    owner = {"apiVersion": "taskfleet.dev/v1alpha1", "kind": "WorkerPool", "name": "mail", "controller": True}
    owners = [{**owner, "uid": "uid-of-mail"}]
    meta = {"name": name, "namespace": NAMESPACE, "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}}


async def test_children_come_and_go_in_the_order_of_the_plan() -> None:
    scene = Scene()
    scene.add({**config_map("old"), "metadata": metadata("old") | config_map("old")["metadata"]})
    plan = Plan(
        (Apply(config_map()), Remove(Key("ConfigMap", NAMESPACE, "old"))), requests=(CreateBroker(BROKER),)
    )
    outcome = await execute(plan, pool(), scene.context)
    assert scene.server.writes == [
        "patch configmaps shop/settings by taskfleet",
        "delete configmaps shop/old",
        "patch brokers shop/default by taskfleet",
    ]
    assert outcome.problem is not None
    assert outcome.problem.why[0] is Reason.PROGRESSING


async def test_after_a_problem_nothing_is_requested() -> None:
    scene = Scene()
    plan = Plan((Apply(config_map()),), problem=invalid_spec("No."), requests=(CreateBroker(BROKER),))
    outcome = await execute(plan, pool(), scene.context)
    assert outcome.problem == Problem((Reason.INVALID_SPEC, "No."), final=True)
    assert scene.server.writes == ["patch configmaps shop/settings by taskfleet"]


async def test_a_child_that_was_planned_as_new_and_exists_is_planned_again() -> None:
    scene = Scene()
    await execute(Plan((Apply(config_map()),)), pool(), scene.context)
    scene.forget(SETTINGS)
    with pytest.raises(UnknownChildError):
        await execute(Plan((Apply(config_map(), new=True),)), pool(), scene.context)
    assert scene.cache.get(*SETTINGS) is not None


async def test_another_owners_child_is_a_part_of_the_outcome_where_that_is_asked_for() -> None:
    scene = Scene()
    scene.add({"kind": "ConfigMap", "metadata": metadata("settings"), "data": {}})
    plan = Plan((Apply(config_map()),))
    with pytest.raises(NameConflictError):
        await execute(plan, pool(), scene.context)
    outcome = await attempt(plan, own("WorkerPool", "mail", {}), scene.context)
    assert outcome.problem is not None
    assert (outcome.problem.why[0], outcome.problem.final) == (Reason.NAME_CONFLICT, True)
