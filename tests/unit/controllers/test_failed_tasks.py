"""Who is told of a pool's failed tasks, and how a request about them is carried out, on a real Redis."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.annotations import FAILED_TASKS, REQUESTED_BY
from taskfleet.brokers.capabilities import RABBITMQ, REDIS
from taskfleet.brokers.failures.failed_task import Action, Request
from taskfleet.brokers.redis_transport import RedisFailedTasks
from taskfleet.controllers.failed_tasks import tell_failed_tasks
from taskfleet.controllers.failed_tasks_plan import plan_failed_tasks
from taskfleet.controllers.plan import HandleFailedTasks
from taskfleet.controllers.questions import RefusedError
from taskfleet.controllers.worker_pool import reconcile
from tests.runtime.redis_server import RedisServer
from tests.unit.brokers.failures.records import LAYOUT, Pool
from tests.unit.controllers.away import away
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
BROKER = Key("Broker", NAMESPACE, "default")


@pytest.fixture
async def scene(server: RedisServer) -> AsyncIterator[Scene]:
    """A pool that has two failed tasks, and a broker that answers."""
    server.client.flushall()
    Pool(server, arguments=True).fail("a").fail("b", chord=True)
    one = Scene()
    one.add(ready_broker())
    one.add(pool())
    async with Redis.from_url(server.url) as client:
        reach(one, client)
        yield one


def reach(scene: Scene, client: Redis | None) -> None:
    brokers: Any = scene.brokers
    brokers.failed_tasks = lambda *_: None if client is None else RedisFailedTasks(client, LAYOUT, "uid-1")


def annotate(scene: Scene, text: str, user: str = "ann") -> None:
    scene.change(MAIL, metadata={"annotations": {FAILED_TASKS: text, REQUESTED_BY: user}})


def status(scene: Scene) -> Object:
    told: Object = scene.live("WorkerPool", "mail")["status"]
    return told


async def test_failed_tasks_are_told_the_newest_first(scene: Scene) -> None:
    raw = scene.server.objects[MAIL]
    told = await tell_failed_tasks(raw, scene.context)
    assert [(task["id"], task["chord"], task["args"]) for task in told["tasks"]] == [
        ("b", True, "(1,)"),
        ("a", False, "(1,)"),
    ]
    rest = await tell_failed_tasks(raw, scene.context, before=str(told["next"]))
    assert rest == {"tasks": [], "next": None}


async def test_one_is_told_with_its_traceback(scene: Scene) -> None:
    told = await tell_failed_tasks(scene.server.objects[MAIL], scene.context, id="a")
    assert [task["traceback"] for task in told["tasks"]] == ["Traceback\nlast line"]
    assert (await tell_failed_tasks(scene.server.objects[MAIL], scene.context, id="c"))["tasks"] == []


@pytest.mark.parametrize(
    "query", [{"before": "-1"}, {"before": "9" * 40}, {"before": "x"}, {"id": "i" * 256}]
)
async def test_parameters_are_checked(scene: Scene, query: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as refusal:
        await tell_failed_tasks(scene.server.objects[MAIL], scene.context, **query)
    assert refusal.value.status == 400


@away
async def test_a_broker_that_is_away_is_the_answer(scene: Scene, client: Redis | None, said: str) -> None:
    reach(scene, client)
    with pytest.raises(RefusedError, match=said) as refusal:
        await tell_failed_tasks(scene.server.objects[MAIL], scene.context)
    assert refusal.value.status == 503


async def test_a_broker_that_keeps_none_is_the_answer(scene: Scene) -> None:
    brokers: Any = scene.brokers
    brokers.capabilities = lambda _: RABBITMQ
    with pytest.raises(RefusedError, match="not recorded on RabbitMQ") as refusal:
        await tell_failed_tasks(scene.server.objects[MAIL], scene.context)
    assert refusal.value.status == 409


async def test_a_retry_is_done_once_answered_and_says_who_asked(scene: Scene, server: RedisServer) -> None:
    annotate(scene, "one retry all")
    await scene.settle(reconcile, MAIL)
    answer = {
        "token": "one", "time": "2026-01-01T12:00:00Z", "action": "Retry", "tasks": 1, "chordMembers": 1,
        "withoutMessage": 0, "requestedBy": "ann",
    }  # fmt: skip
    assert status(scene)["lastFailedTasks"] == answer
    assert server.client.llen("app:high") == 1
    assert ("FailedTasksRetried", "1 failed tasks were sent again (requested by ann).") in told_events(scene)

    Pool(server).fail("c")
    await scene.settle(reconcile, MAIL)
    assert (server.client.llen("app:high"), status(scene)["lastFailedTasks"]) == (1, answer)


async def test_a_request_waits_for_a_broker_that_is_away(scene: Scene, server: RedisServer) -> None:
    annotate(scene, "one forget all")
    client: Any = scene.brokers.failed_tasks(BROKER, "uid-1")
    reach(scene, Redis(port=1))
    assert await scene.reconcile(reconcile, MAIL) == pytest.approx(2)
    assert "lastFailedTasks" not in status(scene)
    reach(scene, client.client)
    await scene.reconcile(reconcile, MAIL)
    assert status(scene)["lastFailedTasks"]["tasks"] == 2
    assert server.client.exists("app:high") == 0


async def test_a_request_that_is_none_is_refused_with_its_form(scene: Scene) -> None:
    annotate(scene, "one restart all")
    await scene.settle(reconcile, MAIL)
    assert "is not a valid request" in status(scene)["lastFailedTasks"]["refused"]
    assert "FailedTasksRefused" in [reason for reason, _ in told_events(scene)]


def told_events(scene: Scene) -> list[tuple[str, str]]:
    return [
        (obj["reason"], obj["message"]) for key, obj in scene.server.objects.items() if key.kind == "Event"
    ]


@pytest.mark.parametrize(
    ("annotation", "request_"),
    [
        pytest.param("one retry all", Request("one", Action.RETRY), id="all"),
        pytest.param("one retry-force all", Request("one", Action.RETRY, force=True), id="chords-too"),
        pytest.param(
            "one retry task shop.pay", Request("one", Action.RETRY, task="shop.pay"), id="of-one-task"
        ),
        pytest.param("one forget id a b", Request("one", Action.FORGET, ids=frozenset("ab")), id="these"),
        pytest.param(
            "x" * 200 + " retry all", Request("x" * 64, Action.RETRY), id="cut-to-what-the-status-can-hold"
        ),
        pytest.param("", None, id="nothing"),
        pytest.param("done retry all", None, id="answered"),
    ],
)
def test_annotations_are_requests(annotation: str, request_: Request | None) -> None:
    plan = plan_failed_tasks(annotated(annotation), BROKER, REDIS)
    asked = [one.request for one in plan.requests if isinstance(one, HandleFailedTasks)]
    assert (asked, plan.results) == ([] if request_ is None else [request_], ())


@pytest.mark.parametrize(
    "annotation", ["one", "one retry", "one retry id", "one retry task", "one retry all b", "one delete all"]
)
def test_anything_else_is_refused(annotation: str) -> None:
    plan = plan_failed_tasks(annotated(annotation), BROKER, REDIS)
    assert (plan.requests, [one.refused is not None for one in plan.results]) == ((), [True])


def test_rabbitmq_refuses_for_good() -> None:
    (result,) = plan_failed_tasks(annotated("one retry all"), BROKER, RABBITMQ).results
    assert result.refused == "Failed tasks are not recorded on RabbitMQ: this requires Redis."


def annotated(text: str) -> WorkerPool:
    last = {"token": "done", "time": "2026-01-01T00:00:00Z"}
    return WorkerPool.parse(
        pool(status={"lastFailedTasks": last}, meta={"annotations": {FAILED_TASKS: text}})
    )
