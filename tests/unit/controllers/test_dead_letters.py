"""Who is told of a pool's dead letters, and how they get back to their queues, on a real Redis."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from taskfleet.api import Key, Object, WorkerPool
from taskfleet.api.annotations import FORGET, REQUESTED_BY, REQUEUE
from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.recovery.dead_letter import Request
from taskfleet.brokers.redis_transport import RedisRecovery
from taskfleet.controllers.dead_letters import tell_dead_letters
from taskfleet.controllers.pool_plan import pending_requests
from taskfleet.controllers.questions import RefusedError
from taskfleet.controllers.worker_pool import reconcile
from tests.runtime.redis_server import RedisServer
from tests.unit.controllers.away import away
from tests.unit.controllers.scene import Scene, ready_broker
from tests.unit.objects import NAMESPACE, pool

MAIL = Key("WorkerPool", NAMESPACE, "mail")
LAYOUT = Layout(prefix="", reports="taskfleet:cluster:shop:reports")
SECRET = "secret"


@pytest.fixture
async def scene(server: RedisServer) -> AsyncIterator[Scene]:
    """A pool whose queue has one dead letter, and a broker that answers."""
    server.client.flushall()
    message = {"headers": {"id": "id-1", "task": "shop.pay", "argsrepr": "('Ada',)"}, "properties": {}}
    server.client.rpush("celery.dead", json.dumps(message))
    one = Scene()
    one.add(ready_broker())
    one.add(pool())
    async with Redis.from_url(server.url) as client:
        reach(one, client)
        yield one


def reach(scene: Scene, client: Redis | None) -> None:
    brokers: Any = scene.brokers
    brokers.recovery = lambda _: None if client is None else RedisRecovery(client, LAYOUT)


def annotate(scene: Scene, **annotations: str) -> None:
    scene.change(MAIL, metadata={"annotations": annotations})


def status(scene: Scene) -> Object:
    told: Object = scene.live("WorkerPool", "mail")["status"]
    return told


async def test_messages_are_told_with_what_celery_says_of_their_arguments(scene: Scene) -> None:
    assert await tell_dead_letters(scene.server.objects[MAIL], scene.context) == {
        "messages": [
            {
                **{"queue": "celery", "id": "id-1", "task": "shop.pay", "arguments": "('Ada',)"},
                **{"redelivered": 0, "reason": ""},
            }
        ]
    }


@away
async def test_a_broker_that_is_away_is_the_answer(scene: Scene, client: Redis | None, said: str) -> None:
    reach(scene, client)
    with pytest.raises(RefusedError, match=said) as refusal:
        await tell_dead_letters(scene.server.objects[MAIL], scene.context)
    assert refusal.value.status == 503


@pytest.mark.parametrize(
    ("annotation", "answered", "expected"),
    [
        pytest.param(None, None, None, id="nothing-asked"),
        pytest.param("  ", None, None, id="blank"),
        pytest.param("one", None, Request("one"), id="all"),
        pytest.param("one a\tb", None, Request("one", ("a", "b")), id="some"),
        pytest.param("one a", "one", None, id="answered"),
        pytest.param("two", "one", Request("two"), id="a-new-one"),
        pytest.param("x" * 200, None, Request("x" * 64), id="cut-to-what-the-status-can-hold"),
        pytest.param("x" * 200, "x" * 64, None, id="cut-and-answered"),
    ],
)
def test_wishes(annotation: str | None, answered: str | None, expected: Request | None) -> None:
    annotations = {} if annotation is None else {REQUEUE: annotation}
    last = {"token": answered, "time": "2026-01-01T00:00:00Z", "messages": 1}
    told = {} if answered is None else {"lastRequeue": last}
    asked = list(pending_requests(WorkerPool.parse(pool(status=told, meta={"annotations": annotations}))))
    assert asked == ([] if expected is None else [expected])


async def test_dead_letters_are_removed_once_and_answered(scene: Scene, server: RedisServer) -> None:
    annotate(scene, **{FORGET: "one", REQUESTED_BY: "ann"})
    await scene.settle(reconcile, MAIL)
    assert server.client.exists("celery", "celery.dead") == 0
    answer = {"token": "one", "time": "2026-01-01T12:00:00Z", "messages": 1, "requestedBy": "ann"}
    assert status(scene)["lastForget"] == answer
    assert "lastRequeue" not in status(scene)
    assert scene.events().count(("Normal", "DeadLettersForgotten")) == 1


async def test_a_wish_is_carried_out_once_and_answered(scene: Scene, server: RedisServer) -> None:
    annotate(scene, **{REQUEUE: "one", REQUESTED_BY: "ann"})
    await scene.settle(reconcile, MAIL)
    assert (server.client.llen("celery"), server.client.llen("celery.dead")) == (1, 0)
    answer = {"token": "one", "time": "2026-01-01T12:00:00Z", "messages": 1, "requestedBy": "ann"}
    assert status(scene)["lastRequeue"] == answer
    assert scene.events().count(("Normal", "DeadLettersRequeued")) == 1

    (event,) = [
        one
        for key, one in scene.server.objects.items()
        if key.kind == "Event" and "letters" in one["message"]
    ]
    assert event["message"] == "1 dead letters were requeued (requested by ann)."

    server.client.rpush("celery.dead", "later")
    await scene.settle(reconcile, MAIL)
    assert (server.client.llen("celery.dead"), status(scene)["lastRequeue"]) == (1, answer)


async def test_a_wish_waits_for_a_broker_that_is_away(scene: Scene, server: RedisServer) -> None:
    annotate(scene, **{REQUEUE: "one"})
    recovery: Any = scene.brokers.recovery(Key("Broker", NAMESPACE, "default"))
    client = recovery.client
    reach(scene, Redis(port=1))
    assert await scene.reconcile(reconcile, MAIL) == pytest.approx(2)
    assert "lastRequeue" not in status(scene)
    reach(scene, client)
    await scene.reconcile(reconcile, MAIL)
    assert (status(scene)["lastRequeue"]["messages"], server.client.llen("celery")) == (1, 1)
