"""Revokes outlive the pods that heard them, on every pool."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.runtime.inspect import control, inspect
from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
KEY = "taskfleet:cluster-1:test:revoked"


def shared(server: RedisServer) -> list[str]:
    return [str(one) for one in server.client.zrange(KEY, 0, -1)]


@every_pool
def test_a_pod_that_starts_later_does_not_run_what_was_revoked(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    """Its time has come when no pod is left that heard of it."""
    first = make_worker(pool).start().ready()
    soon = (datetime.now(UTC) + timedelta(seconds=25)).isoformat()
    task = send(server.client, "proj.nap", 0, eta=soon)
    wait_for(lambda: server.report(first).get("eta") == 1, 30, what="the worker to hold it")
    control(first, "revoke", task)
    wait_for(lambda: shared(server) == [f"id:{task}"], 30, what="the revoke to be shared")
    assert first.terminate().ended() == 0
    assert server.waiting("celery") == [task]
    second = make_worker(pool).start().ready()
    wait_for(
        lambda: f"Discarding revoked task: proj.nap[{task}]" in second.log, 30, what="it to be discarded"
    )
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="its acknowledgement")
    assert server.started() == []


def test_what_waits_in_the_queue_is_discarded_by_the_first_pod_that_fetches_it(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    first = make_worker(queues=["elsewhere"]).start().ready()
    task = send(server.client, "proj.nap", 0)
    control(first, "revoke", task)
    wait_for(lambda: shared(server), 30, what="the revoke to be shared")
    first.kill()
    second = make_worker().start().ready()
    wait_for(
        lambda: f"Discarding revoked task: proj.nap[{task}]" in second.log, 30, what="it to be discarded"
    )
    assert server.started() == []


def test_a_pod_that_did_not_hear_it_learns_of_it(make_worker: MakeWorker) -> None:
    """As when its connection was lost at that moment."""
    first, second = make_worker("threads").start(), make_worker("threads").start()
    first.ready()
    second.ready()
    control(first, "revoke", "some-task")
    wait_for(lambda: "some-task" in inspect(second, "revoked"), 60, what="the other one to know it")


def test_tasks_revoked_by_a_stamped_header(make_worker: MakeWorker, server: RedisServer) -> None:
    first = make_worker(queues=["elsewhere"]).start().ready()
    control(first, "revoke_by_stamped_headers", "tenant=acme")
    wait_for(lambda: shared(server), 30, what="the revoke to be shared")
    assert first.terminate().ended() == 0
    for task, tenant in (("theirs", "acme"), ("ours", "apex")):
        body = message("proj.nap", (0,), task_id=task, priority=0, eta=None, route=("", "celery"))
        body["headers"].update(stamped_headers=["tenant"], stamps={"tenant": [tenant]})
        server.client.lpush("celery", json.dumps(body))
    make_worker().start().ready()
    wait_for(lambda: server.finished() == ["ours"], 30, what="the task with another stamp")
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="both acknowledgements")
    assert server.started() == ["ours"]


@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_no_more_are_kept_than_celery_keeps(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    few = {"CELERY_WORKER_REVOKES_MAX": "3", "CELERY_WORKER_REVOKE_EXPIRES": "100"}
    worker = make_worker(pool, environment=few).start().ready()
    control(worker, "revoke", *"abcde")
    wait_for(lambda: len(shared(server)) == 3, 30, what="the newest to be shared")
    assert 0 < int(server.client.ttl(KEY)) <= 100


def test_a_worker_without_the_rights_works_on_and_says_so(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    server.client.acl_setuser("default", enabled=True, commands=["-zrangebyscore"])
    worker = make_worker().start().ready()
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: server.finished() == [task], 30, what="the task to run")
    wait_for(lambda: server.report(worker), 30, what="its report")
    notes = server.report(worker)["notes"]
    assert any(note.startswith("The Redis user lacks permissions to share revokes") for note in notes)
