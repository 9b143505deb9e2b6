"""A message that a worker holds is run once, whatever happens to the clock and to the connection."""

import json
from collections import Counter
from collections.abc import Callable

import pytest

from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


@every_pool
def test_a_task_far_longer_than_the_visibility_timeout_runs_once(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    workers = [make_worker(pool, visibilityTimeout=1, capacity=1).start() for _ in range(2)]
    for worker in workers:
        worker.ready()
    task = send(server.client, "proj.nap", 10)
    wait_for(lambda: task in server.finished(), 30, what="the task to end")
    assert server.started() == [task]
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="its acknowledgement")


def test_a_task_that_waits_longer_than_the_visibility_timeout_stays_with_its_worker(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker("threads", visibilityTimeout=1).start().ready()
    send(server.client, "proj.nap", 0, eta="2100-01-01T00:00:00+00:00")
    wait_for(lambda: server.report(worker).get("eta") == 1, 30, what="the worker to hold it")
    score = float(server.client.zrange("unacked_index", 0, -1, withscores=True)[0][1])
    wait_for(
        lambda: float(server.client.zrange("unacked_index", 0, -1, withscores=True)[0][1]) > score + 3,
        30,
        what="its renewal",
    )


def test_a_message_whose_exchange_the_app_does_not_know_is_left_to_who_knows_it(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    body = message("other.task", (), task_id="1", priority=0, eta=None, route=("zoo", "animal.dog"))
    server.client.hset("unacked", "tag", json.dumps([body, "zoo", "animal.dog"]))
    server.client.zadd("unacked_index", {"tag": 1})
    known = [send(server.client, "proj.nap", 0, queue="elsewhere")]
    (line,) = server.lines("elsewhere")
    server.client.delete("elsewhere")
    server.client.hset("unacked", "known", json.dumps([json.loads(line), "", "celery"]))
    server.client.zadd("unacked_index", {"known": 1})
    make_worker(visibilityTimeout=5).start().ready()
    # The sweep comes at the start or, where that one fails, 100 s later; a message of a known queue shows it.
    wait_for(lambda: server.finished() == known, 150, what="the sweep")
    wait_for(lambda: server.client.hkeys("unacked") == ["tag"], 30, what="its acknowledgement")


@every_pool
def test_connections_lost_while_tasks_run_double_and_lose_nothing(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, prefetchMultiplier=2 if pool == "prefork" else None).start().ready()
    tasks = [send(server.client, "proj.nap", 3) for _ in range(4)]
    server.held_when_full(worker)  # no fetch is under way then
    server.drop_connections()
    wait_for(lambda: set(server.finished()) == set(tasks), 60, what="all tasks to end")
    assert Counter(server.started()) == Counter(tasks)
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="their acknowledgement")
    assert server.client.zcard("unacked_index") == 0
    wait_for(lambda: not server.client.keys("*:held:*"), 30, what="the record to go")


@every_pool
def test_the_end_of_a_connection_that_does_not_fetch_does_not_end_the_fetching(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    make_worker(pool).start().ready()
    send(server.client, "proj.drop_a_spare_connection")
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.finished(), 20, what="the task behind it to run")


@every_pool
def test_a_redis_that_dies_and_comes_back_doubles_and_loses_nothing(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    tasks = [
        send(
            server.client,
            "proj.nap",
            6,
        )
        for _ in range(4)
    ]
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    wait_for(lambda: server.report(worker).get("active"), 30, what="the report of it")
    server.kill()
    server.start()
    wait_for(lambda: set(server.finished()) == set(tasks), 90, what="all tasks to end")
    assert Counter(server.started()) == Counter(tasks)
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="their acknowledgement")


@pytest.mark.parametrize("why", ["no-rights", "no-memory"])
@every_pool
def test_a_message_that_redis_refuses_to_record_runs_when_it_accepts_again(
    make_worker: MakeWorker, server: RedisServer, pool: str, why: str
) -> None:
    """It is off its queue, and recorded nowhere."""
    worker = make_worker(pool).start().ready()
    with worker.paused():
        tasks = [send(server.client, "proj.nap", 0.1) for _ in range(5)]
        if why == "no-rights":
            server.client.acl_setuser("default", enabled=True, commands=["-hset"])
        else:
            server.client.config_set("maxmemory", 1)
    wait_for(lambda: "Redis rejects commands" in worker.log, 30, what="the refusal")
    server.client.acl_setuser("default", enabled=True, commands=["+hset"])
    server.client.config_set("maxmemory", 0)
    wait_for(lambda: set(tasks) <= set(server.finished()), 30, what="all tasks to run")
    assert Counter(server.started()) == Counter(tasks)
    assert worker.running


def test_a_lost_child_gives_its_task_to_the_next_in_its_old_place(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(capacity=1).start().ready()
    tasks = [send(server.client, "proj.nap", 1) for _ in range(3)]
    wait_for(lambda: tasks[0] in server.started(), 30, what="the first task to start")
    worker.kill_children()
    wait_for(lambda: set(server.finished()) == set(tasks), 60, what="all tasks to end")
    assert server.started() == [tasks[0], *tasks]


def test_a_task_that_always_kills_its_child_is_set_aside_after_five_redeliveries(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    make_worker(capacity=1).start().ready()
    poison = send(server.client, "proj.suicide")
    other = send(server.client, "proj.nap", 0)
    wait_for(lambda: other in server.finished(), 120, what="the task behind it to run")
    assert Counter(server.started())[poison] == 6
    assert server.waiting("celery.dead") == [poison]


@pytest.mark.parametrize("pool", ["threads"])
def test_a_task_that_asks_to_be_requeued_goes_to_the_back(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    first = send(server.client, "proj.requeue_once")
    second = send(server.client, "proj.nap", 0)
    make_worker(pool, capacity=1).start().ready()
    wait_for(lambda: len(server.finished()) == 2, 30, what="both tasks to end")
    assert server.finished() == [second, first]
