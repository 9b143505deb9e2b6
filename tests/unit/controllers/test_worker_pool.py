"""What a pool becomes, step by step, on an API server in memory."""

from typing import Any

import pytest

from taskfleet.api import Key, Object
from taskfleet.controllers.worker_pool import reconcile
from taskfleet.kube.errors import ApiError
from taskfleet.scaling.backoff import Backoff
from tests.envtest.api_calls import ApiCall
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, of_type, pod, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
WORKER = Key("Deployment", NAMESPACE, "mail-worker")
BUDGET = Key("PodDisruptionBudget", NAMESPACE, "mail-worker")


def scene_of(*, broker: bool = True, settings: Any = None, **spec: Any) -> Scene:
    scene = Scene(**(settings or {}))
    if broker:
        scene.add(ready_broker())
    scene.add(pool(**spec))
    return scene


async def run(scene: Scene) -> float | None:
    return await scene.reconcile(reconcile, MAIL)


def condition(scene: Scene, kind: str = "Ready") -> Object:
    return of_type(scene.live("WorkerPool", "mail")["status"], kind)


def image(scene: Scene) -> str:
    containers = scene.live("Deployment", "mail-worker")["spec"]["template"]["spec"]["containers"]
    return str(containers[0]["image"])


async def test_a_pod_that_is_recycled_has_one_event_with_its_reason() -> None:
    scene = scene_of(replicas=1, recycle={"maxMemory": "400Mi"})
    await run(scene)
    (scaled,) = scene.context.scaling.pools()
    scaled.recycled.append("Pod mail-1 is recycled: it uses 500 MiB and recycle.maxMemory is 400Mi.")
    for _ in range(2):
        await run(scene)
    assert scene.events().count(("Normal", "Recycled")) == 1


MEDIA = Key("PersistentVolumeClaim", NAMESPACE, "media")
WITH_MEDIA: Object = {
    "spec": {"volumes": [{"name": "media", "persistentVolumeClaim": {"claimName": "media"}}]}
}


def claim(*modes: str) -> Object:
    spec = {"accessModes": list(modes)}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "media", "namespace": NAMESPACE},
        "spec": spec,
    }


def reads_of(scene: Scene, key: Key) -> int:
    return sum((one.call.verb, one.call.name) == ("get", key.name) for one in scene.server.requests)


async def test_a_claim_that_one_node_mounts_is_pointed_out_until_another_takes_its_place() -> None:
    scene = scene_of(template=WITH_MEDIA)
    scene.server.put(claim("ReadWriteOnce"))
    await scene.settle(reconcile, MAIL)
    assert condition(scene, "VolumesShared")["reason"] == "SingleNodeClaim"
    scene.server.put(claim("ReadWriteMany"))
    scene.seconds += 61
    await scene.settle(reconcile, MAIL)
    assert "VolumesShared" not in [
        one["type"] for one in scene.live("WorkerPool", "mail")["status"]["conditions"]
    ]


async def test_a_claim_is_read_once_a_minute_and_only_where_a_template_names_it() -> None:
    scene = scene_of(template=WITH_MEDIA)
    scene.server.put(claim("ReadWriteOnce"))
    for _ in range(5):
        await run(scene)
    assert reads_of(scene, MEDIA) == 1
    scene.seconds += 60
    await run(scene)
    assert reads_of(scene, MEDIA) == 2
    without = scene_of()
    await run(without)
    assert reads_of(without, MEDIA) == 0


async def test_a_claim_that_cannot_be_read_changes_nothing_that_is_known_of_it() -> None:
    scene = scene_of(template=WITH_MEDIA)
    scene.server.put(claim("ReadWriteOnce"))
    await scene.settle(reconcile, MAIL)
    scene.server.refuse("get", "persistentvolumeclaims", status=500, reason="InternalError")
    scene.seconds += 61
    await run(scene)
    assert condition(scene, "VolumesShared")["status"] == "False"


async def test_an_operator_that_may_not_read_claims_runs_the_pool_all_the_same() -> None:
    scene = scene_of(template=WITH_MEDIA)
    scene.server.refuse("get", "persistentvolumeclaims")
    await run(scene)
    assert scene.has("Deployment", "mail-worker")


async def test_pool_becomes_a_deployment_with_its_size_first() -> None:
    scene = scene_of(replicas=3)
    await run(scene)
    assert scene.server.writes == [
        "patch deployments shop/mail-worker by taskfleet-scale",
        "patch deployments shop/mail-worker by taskfleet",
        "patch poddisruptionbudgets shop/mail-worker by taskfleet",
        "patch workerpools/status shop/mail by taskfleet",
        "create events shop/ by taskfleet",
        "create events shop/ by taskfleet",
    ]
    first, second, *_ = [request for request in scene.server.requests if request.call.is_write]
    assert first.body is not None
    assert (first.body["spec"]["replicas"], first.body["spec"]["paused"]) == (3, True)
    assert second.body is not None
    assert "replicas" not in second.body["spec"]
    live = scene.live("Deployment", "mail-worker")
    assert (live["spec"]["replicas"], live["spec"]["paused"]) == (3, False)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="by-default"),
        pytest.param({"replicas": 4, "timeLimit": "90s"}, id="fixed-size"),
        pytest.param({"suspend": True}, id="suspended"),
        pytest.param({"autoscale": {"maxReplicas": 5}}, id="what-is-not-built-yet"),
    ],
)
async def test_nothing_is_written_when_nothing_has_changed(spec: Object) -> None:
    scene = scene_of(**spec)
    await scene.settle(reconcile, MAIL)
    before = len(scene.server.writes)
    for _ in range(10):
        scene.seconds += 300
        await run(scene)
    successor = scene.succeeded_by(version="1.0.0")
    await successor.reconcile(reconcile, MAIL)
    assert (scene.server.writes[before:], successor.server.writes) == ([], [])


async def test_pool_created_at_zero_starts_no_pod() -> None:
    scene = scene_of(replicas=0)
    await run(scene)
    assert [
        request.body["spec"]["replicas"]
        for request in scene.server.requests
        if request.body and request.manager == "taskfleet-scale"
    ] == [0]
    assert scene.live("Deployment", "mail-worker")["spec"]["replicas"] == 0


async def test_operator_that_died_after_the_seed_is_gone_on_from() -> None:
    scene = scene_of(replicas=2)

    def die_after_the_first_write(call: ApiCall) -> None:
        if call.verb == "patch":
            scene.server.refuse("patch", "deployments", status=500)

    scene.server.meanwhile = die_after_the_first_write
    with pytest.raises(ApiError):
        await run(scene)
    scene.watch()
    assert scene.live("Deployment", "mail-worker")["spec"]["paused"] is True
    scene.server.meanwhile = lambda _: None
    scene.server.accept()
    await run(scene)
    live = scene.live("Deployment", "mail-worker")
    assert (live["spec"]["paused"], live["spec"]["replicas"]) == (False, 2)
    assert "strategy" in live["spec"]


async def test_size_is_changed_by_its_one_writer_alone() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    before = len(scene.server.requests)
    scene.change(MAIL, spec={"replicas": 5})
    await run(scene)
    managers = {
        request.manager
        for request in scene.server.requests[before:]
        if request.call.is_write and request.call.resource == "deployments"
    }
    assert managers == {"taskfleet-scale"}
    assert scene.live("Deployment", "mail-worker")["spec"]["replicas"] == 5


@pytest.mark.parametrize("stale", [pytest.param(False, id="fresh"), pytest.param(True, id="stale")])
async def test_foreign_scale_is_put_back_and_never_by_a_stale_memory(stale: bool) -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    live = scene.server.objects[WORKER]
    scene.server.put({**live, "spec": {**live["spec"], "replicas": 9}})
    scene.change(MAIL, spec={"replicas": 3})
    if stale:
        scene.cache._objects["Deployment"][NAMESPACE, "mail-worker"] = live
        await reconcile(MAIL, scene.context)
        await scene.context.scaling.finish_actions()
        assert scene.live("Deployment", "mail-worker")["spec"]["replicas"] == 9
    await run(scene)
    assert scene.live("Deployment", "mail-worker")["spec"]["replicas"] == 3


async def test_reconciliation_after_a_scale_to_the_same_number_keeps_it() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    scene.change(MAIL, spec={"image": "registry.test/app:2"})
    await run(scene)
    assert scene.live("Deployment", "mail-worker")["spec"]["replicas"] == 2
    assert image(scene) == "registry.test/app:2"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, ("Replicas", 1), id="by-default"),
        pytest.param({"replicas": 4}, ("Replicas", 4), id="fixed"),
        pytest.param({"replicas": 4, "suspend": True}, ("Suspended", 0), id="suspended"),
    ],
)
async def test_decision_is_told_with_its_reason(spec: Object, expected: tuple[str, int]) -> None:
    scene = scene_of(**spec)
    await run(scene)
    told = scene.live("WorkerPool", "mail")["status"]["lastDecision"]
    assert (told["reason"], told["to"], told["from"]) == (*expected, 0)


async def test_each_decision_is_told_once_with_the_size_before() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    scene.change(MAIL, spec={"replicas": 5})
    await scene.settle(reconcile, MAIL)
    told = scene.live("WorkerPool", "mail")["status"]["lastDecision"]
    assert (told["from"], told["to"]) == (2, 5)
    assert [reason for _, reason in scene.events()].count("Scaled") == 2


async def test_the_status_keeps_the_last_five_decisions() -> None:
    scene = scene_of(replicas=0)
    for size in range(1, 8):
        scene.change(MAIL, spec={"replicas": size})
        await scene.settle(reconcile, MAIL)
    status = scene.live("WorkerPool", "mail")["status"]
    assert [one["to"] for one in status["decisions"]] == [3, 4, 5, 6, 7]
    assert status["decisions"][-1] == status["lastDecision"]


async def test_a_decision_that_is_made_again_writes_nothing() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    successor = scene.succeeded_by(version="1.0.0")
    await run(successor)
    assert successor.context.scaling.made(MAIL) is not None
    assert successor.server.writes == []


async def test_change_of_a_status_or_a_label_touches_no_child() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    before = len(scene.server.writes)
    scene.change(MAIL, metadata={"labels": {"example.com/team": "a"}}, status={"waiting": 7})
    await run(scene)
    assert {write.split()[1] for write in scene.server.writes[before:]} <= {"workerpools/status"}


async def test_foreign_change_of_what_we_own_is_put_back_and_of_the_rest_left_alone() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    live = scene.live("Deployment", "mail-worker")
    scene.change(
        WORKER,
        spec={"minReadySeconds": 7, "revisionHistoryLimit": 9},
        metadata={"labels": {**live["metadata"]["labels"], "theirs": "x"}},
    )
    await run(scene)
    live = scene.live("Deployment", "mail-worker")
    assert (live["spec"]["minReadySeconds"], live["spec"]["revisionHistoryLimit"]) == (7, 2)
    assert live["metadata"]["labels"]["theirs"] == "x"


async def test_budget_goes_with_the_second_pod() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    assert BUDGET in scene.server.objects
    scene.change(MAIL, spec={"replicas": 1})
    await scene.settle(reconcile, MAIL)
    assert BUDGET not in scene.server.objects


async def test_missing_default_broker_is_made_and_waited_for() -> None:
    scene = scene_of(broker=False)
    await run(scene)
    made = scene.live("Broker", "default")
    assert made["spec"] == {}
    assert made["metadata"]["annotations"] == {"taskfleet.dev/auto-created": "true"}
    assert not scene.has("Deployment", "mail-worker")
    await run(scene)
    assert scene.has("Deployment", "mail-worker")
    assert condition(scene)["reason"] == "BrokerNotReady"


async def test_pool_is_ready_when_its_pods_and_its_broker_are() -> None:
    scene = scene_of(replicas=1)
    await scene.settle(reconcile, MAIL)
    assert condition(scene)["reason"] == "PodsNotReady"
    template = scene.live("Deployment", "mail-worker")["spec"]["template"]["metadata"]
    running = {"conditions": [{"type": "Ready", "status": "True"}]}
    scene.add(pod(status=running, labels=template["labels"], annotations=template["annotations"]))
    await run(scene)
    assert condition(scene)["status"] == "True"
    assert scene.events() == [("Normal", "PodsNotReady"), ("Normal", "Scaled"), ("Normal", "Available")]


async def test_lost_broker_leaves_the_fleet_and_its_figures() -> None:
    scene = scene_of(replicas=2, brokerRef={"name": "fast"}, broker=False)
    fast = scene.add(ready_broker("fast"))
    await scene.settle(reconcile, MAIL)
    scene.change(WORKER, status={"replicas": 2})
    await scene.settle(reconcile, MAIL)
    scene.drop(fast)
    before = len(scene.server.writes)
    again = await run(scene)
    status = scene.live("WorkerPool", "mail")["status"]
    assert status["replicas"] == 2
    assert condition(scene)["reason"] == "BrokerMissing"
    assert "'fast'" in condition(scene)["message"]
    assert {write.split()[1] for write in scene.server.writes[before:]} == {"workerpools/status", "events"}
    assert again is not None


async def test_name_conflict_touches_nothing_and_is_looked_at_again() -> None:
    scene = Scene()
    scene.add(ready_broker())
    theirs = {"kind": "Deployment", "metadata": {"name": "mail-worker", "namespace": NAMESPACE}, "spec": {}}
    scene.add(theirs)
    before = scene.server.objects[WORKER]
    scene.add(pool())
    again = await run(scene)
    assert scene.server.objects[WORKER] == before
    assert (condition(scene)["reason"], condition(scene, "Stalled")["status"]) == ("NameConflict", "True")
    assert condition(scene)["message"].endswith(
        "delete or rename the Deployment 'mail-worker', which the operator does not change."
    )
    assert again is not None
    assert scene.events() == [("Warning", "NameConflict")]
    scene.drop(WORKER)
    await run(scene)
    assert condition(scene, "Stalled")["status"] == "False"


@pytest.mark.parametrize(
    ("status", "reason", "stalled"),
    [
        pytest.param(403, "ApplyFailed", "False", id="forbidden"),
        pytest.param(422, "InvalidSpec", "True", id="invalid"),
    ],
)
async def test_refusal_is_told_in_the_api_servers_words(status: int, reason: str, stalled: str) -> None:
    scene = scene_of()
    scene.server.refuse("patch", "deployments", status=status, message="exceeded quota: team")
    await run(scene)
    assert condition(scene)["reason"] == reason
    assert "exceeded quota: team" in condition(scene)["message"]
    assert condition(scene, "Stalled")["status"] == stalled


async def test_api_server_in_trouble_is_left_to_the_next_try() -> None:
    scene = scene_of()
    scene.server.refuse("patch", "deployments", status=503)
    with pytest.raises(ApiError):
        await run(scene)
    assert "patch workerpools/status shop/mail by taskfleet" not in scene.server.writes


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"timeLimit": "soon"}, id="no-duration"),
        pytest.param({"replicas": "many"}, id="no-number"),
        pytest.param({"template": {"spec": {"$patch": "replace"}}}, id="template-that-cannot-be-merged"),
    ],
)
async def test_spec_that_cannot_be_read_or_built_stalls(spec: Object) -> None:
    scene = scene_of(**spec)
    await run(scene)
    assert condition(scene)["reason"] == "InvalidSpec"
    assert condition(scene, "Stalled")["status"] == "True"
    assert not scene.has("Deployment", "mail-worker")


async def test_pool_that_is_being_deleted_makes_nothing_any_more() -> None:
    scene = scene_of()
    scene.change(MAIL, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert await run(scene) is None
    assert scene.server.writes == []


async def test_unknown_pool_is_no_error() -> None:
    assert await Scene().reconcile(reconcile, MAIL) is None


async def test_children_of_a_predecessor_are_waited_for() -> None:
    scene = scene_of()
    await scene.settle(reconcile, MAIL)
    scene.drop(MAIL)
    scene.add(pool())
    again = await run(scene)
    assert again is not None
    assert again <= 1
    scene.drop(WORKER)
    await run(scene)
    assert scene.has("Deployment", "mail-worker")


@pytest.mark.parametrize(
    ("change", "rolled"),
    [
        pytest.param({}, False, id="nothing-else"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, False, id="a-label"),
        pytest.param({"spec": {"replicas": 3}}, False, id="its-size"),
        pytest.param({"spec": {"image": "registry.test/app:2"}}, True, id="its-image"),
        pytest.param({"metadata": {"annotations": {"taskfleet.dev/upgrade": "x"}}}, True, id="on-request"),
    ],
)
async def test_new_operator_version_rolls_a_pool_only_when_it_changes_anyway(
    change: dict[str, Any], rolled: bool
) -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    template = scene.live("Deployment", "mail-worker")["spec"]["template"]
    successor = scene.succeeded_by(version="2.0.0")
    successor.change(MAIL, **change)
    await successor.settle(reconcile, MAIL)
    assert (successor.live("Deployment", "mail-worker")["spec"]["template"] != template) is rolled
    status = successor.live("WorkerPool", "mail")["status"]
    assert of_type(status, "UpToDate")["status"] == str(rolled)
    assert status["runtimeVersion"] == ("2.0.0" if rolled else "1.0.0")


async def test_pods_stay_where_memory_has_lost_their_deployment() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    template = scene.live("Deployment", "mail-worker")["spec"]["template"]
    successor = scene.succeeded_by(version="2.0.0")
    successor.forget(WORKER)
    await run(successor)
    assert successor.live("Deployment", "mail-worker")["spec"]["template"] == template
    assert condition(successor, "UpToDate")["status"] == "False"


async def test_a_broker_that_may_not_be_made_is_told_in_the_api_servers_words() -> None:
    scene = scene_of(broker=False)
    scene.server.refuse("patch", "brokers", status=403, message="no more Brokers")
    assert await run(scene) is not None
    assert condition(scene)["reason"] == "ApplyFailed"
    assert "no more Brokers" in condition(scene)["message"]


async def test_pools_are_rolled_one_at_a_time_where_that_is_wished() -> None:
    scene = scene_of(replicas=1)
    news = scene.add(pool("news", replicas=1))
    keys = [MAIL, news]
    for key in keys:
        await scene.settle(reconcile, key)
    successor = scene.succeeded_by(version="2.0.0", upgrade_pools="OneAtATime")
    for key in keys:
        observed(successor, key.name)
        await successor.reconcile(reconcile, key)
    waits = [await successor.reconcile(reconcile, key) for key in keys]
    assert [runtime(successor, key.name) for key in keys] == ["2.0.0", "1.0.0"]
    assert waits[1] is not None
    assert waits[1] <= 10
    observed(successor, "mail")
    await successor.reconcile(reconcile, news)
    assert runtime(successor, "news") == "2.0.0"


def observed(scene: Scene, name: str) -> None:
    """Let the Deployment controller have seen and rolled out the newest template."""
    key = Key("Deployment", NAMESPACE, f"{name}-worker")
    generation = scene.server.objects[key]["metadata"]["generation"]
    scene.change(key, status={"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1})


def runtime(scene: Scene, name: str) -> str:
    init = scene.live("Deployment", f"{name}-worker")["spec"]["template"]["spec"]["initContainers"][0]
    return str(init["image"].rpartition(":")[2])


async def test_a_network_policy_comes_and_goes_with_its_field() -> None:
    scene = scene_of(networkPolicy={"admit": []})
    await run(scene)
    assert scene.live("NetworkPolicy", "mail-worker")["spec"]["ingress"] == []
    scene.change(MAIL, spec={"networkPolicy": None})
    await run(scene)
    assert not scene.has("NetworkPolicy", "mail-worker")


async def test_a_size_that_cannot_be_set_is_told_and_not_as_done() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    events = len(scene.events())
    scene.server.refuse("patch", "deployments", message='admission webhook "sizes" denied the request')
    scene.change(MAIL, spec={"replicas": 5})
    for _ in range(3):
        await run(scene)
        scene.seconds += 15
    for kind, status in (("Ready", "False"), ("ScalingLimited", "True")):
        told = condition(scene, kind)
        assert (told["status"], told["reason"]) == (status, "ScaleFailed")
        assert 'admission webhook "sizes" denied the request' in told["message"]
    assert ("Normal", "Scaled") not in scene.events()[events:]
    scene.server.accept()
    scene.context.scaling.size(MAIL).refusals = Backoff()
    await scene.settle(reconcile, MAIL)
    assert scene.live("Deployment", "mail-worker")["spec"]["replicas"] == 5
    assert condition(scene, "ScalingLimited")["reason"] == "DesiredWithinRange"
    assert scene.events().count(("Normal", "Scaled")) == 2


async def test_a_scale_whose_operator_was_killed_before_it_told_says_from_where() -> None:
    scene = scene_of(replicas=2)
    await scene.settle(reconcile, MAIL)
    scene.change(MAIL, spec={"replicas": 3})
    scene.change(WORKER, spec={"replicas": 3})  # written, and the operator killed before the status
    scene = scene.succeeded_by(version="1.0.0")
    await run(scene)
    decision = scene.live("WorkerPool", "mail")["status"]["lastDecision"]
    assert (decision["from"], decision["to"]) == (2, 3)
