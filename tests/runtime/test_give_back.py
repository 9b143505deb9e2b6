"""What the operator gives back after a worker was killed: everything, once, in its old place."""

import asyncio
from collections.abc import Callable

import redis.asyncio

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from taskfleet.brokers.recovery.requeue_unacked import Requeued
from tests.runtime.giving_back import give_back_dead
from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
LAYOUT = Layout(prefix="", reports="taskfleet:cluster-1:test:reports")


def give_back_of(server: RedisServer, worker: Worker) -> Requeued:
    """What the operator does once the container has ended."""
    return give_back_start(server, LAYOUT, Incarnation(*server.start_of(worker).split("/")))


def give_back_start(server: RedisServer, layout: Layout, start: Incarnation) -> Requeued:
    async def run() -> Requeued:
        async with redis.asyncio.Redis(port=server.port) as client:
            return await give_back_dead(client, layout, start)

    return asyncio.run(run())


@every_pool
def test_a_killed_workers_messages_go_back_to_their_old_place(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    tasks = [send(server.client, "proj.nap", 60) for _ in range(6)]
    full = server.held_when_full(worker)
    wait_for(lambda: server.report(worker), 30, what="its report")
    worker.kill()
    assert give_back_of(server, worker) == Requeued(full, 0)
    assert server.waiting("celery") == tasks
    assert server.client.hlen("unacked") == server.client.zcard("unacked_index") == 0
    assert server.left_behind() == []


def test_messages_of_a_topic_exchange_and_of_priorities_go_back_to_their_lists(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker("gevent", app="topics", capacity=3, queues=["animals", "celery"]).start().ready()
    route = ("zoo", "animal.dog")
    tasks = [
        send(server.client, "topics.nap", 60, queue="animals", priority=step, route=route)
        for step in (3, 6, 9)
    ]
    wait_for(lambda: server.held(worker) == 3, 30, what="the worker to hold them")
    wait_for(lambda: server.report(worker), 30, what="its report")
    worker.kill()
    assert give_back_of(server, worker) == Requeued(3, 0)
    assert [server.waiting(f"animals\x06\x16{step}") for step in (3, 6, 9)] == [[task] for task in tasks]


def test_a_task_that_takes_its_worker_along_is_set_aside_after_five_redeliveries(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    task = send(server.client, "proj.nap", 60)
    returned = []
    for _ in range(6):
        worker = make_worker("threads", capacity=1).start().ready()
        wait_for(lambda: server.report(worker).get("active"), 30, what="the task to start")  # noqa: B023
        worker.kill()
        returned.append(give_back_of(server, worker))
    assert returned == [Requeued(1, 0)] * 5 + [Requeued(0, 1)]
    assert (server.waiting("celery"), server.waiting("celery.dead")) == ([], [task])
