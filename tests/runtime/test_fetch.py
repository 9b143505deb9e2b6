"""How a worker fetches: in one script, when Redis wakes it, and as kombu does where that is not possible."""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.messages import send
from tests.runtime.proxy import Proxy
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
TRACKING = ["client|tracking", "client|id"]
LISTS = 4  # of one queue, one for each priority step


def calls(server: RedisServer, command: str) -> int:
    """How often Redis has been asked."""
    stats: dict[str, Any] = server.client.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


def notes(server: RedisServer, worker: Worker) -> str:
    return " ".join(server.report(worker).get("notes", []))


def run_one(server: RedisServer) -> float:
    """Send one task to an idle worker: seconds until it began, as seen from here."""
    began = time.monotonic()
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: task in server.started(), 30, what="the task to start", poll=0.005)
    return time.monotonic() - began


@every_pool
def test_an_idle_worker_sleeps_until_a_message_comes(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    make_worker(pool).start().ready()
    run_one(server)
    taken = sorted(run_one(server) for _ in range(9))
    assert taken[4] < 0.3, "by looking once a second half of them would take longer"
    assert calls(server, "brpop") == 0
    # The fetch reads the head of each list; no other command of a worker does.
    before, since = calls(server, "lindex"), time.monotonic()
    wait_for(lambda: calls(server, "lindex") >= before + 4 * LISTS, 30, what="four looks")
    assert time.monotonic() - since > 2.5, "nothing else makes it look"


def behind(proxy: Proxy, worker: Worker, server: RedisServer) -> Worker:
    """The worker's broker is behind the proxy, its notes are not."""
    for name in ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"):
        worker.environment[name] = proxy.url
    worker.environment["TEST_NOTES_URL"] = server.url
    return worker


@every_pool
def test_a_lost_wake_up_costs_a_second(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    with contextlib.closing(Proxy(server.port)) as proxy:
        worker = behind(proxy, make_worker(pool), server).start().ready()
        run_one(server)
        (told,) = redirects(server)
        proxy.swallow_replies(told["addr"])
        assert run_one(server) < 5
        worker.kill()


@every_pool
def test_without_the_rights_it_fetches_as_celery_does_and_says_so(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    server.client.acl_setuser("default", enabled=True, commands=[f"-{one}" for one in TRACKING])
    worker = make_worker(pool).start().ready()
    run_one(server)
    assert calls(server, "brpop") > 0
    wait_for(lambda: "fetches with BRPOP" in notes(server, worker), 30, what="the note")


@every_pool
def test_a_redis_that_is_renewed_wakes_it_again(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool).start().ready()
    run_one(server)
    server.client.client_kill_filter(_type="normal", skipme=True)
    run_one(server)
    server.client.script_flush()
    run_one(server)
    taken = sorted(run_one(server) for _ in range(9))
    assert taken[4] < 0.3
    assert worker.running
    assert calls(server, "brpop") == 0


def redirects(server: RedisServer) -> list[dict[str, Any]]:
    """Connections that Redis tells of changes that another one has asked for."""
    clients = server.client.client_list()
    targets = {client["redir"] for client in clients}
    return [client for client in clients if client["id"] in targets]


@every_pool
def test_a_wake_up_connection_that_ends_is_replaced(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    make_worker(pool).start().ready()
    run_one(server)
    (old,) = redirects(server)
    server.client.client_kill_filter(_id=old["id"])
    wait_for(
        lambda: [one["id"] for one in redirects(server)] not in ([], [old["id"]]), 30, what="another one"
    )
    run_one(server)
    assert sorted(run_one(server) for _ in range(9))[4] < 0.3


@every_pool
def test_a_reply_that_never_arrives_comes_back(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    with contextlib.closing(Proxy(server.port)) as proxy:
        worker = behind(proxy, make_worker(pool), server).start().ready()
        wait_for(lambda: server.report(worker), 30, what="its report")
        proxy.swallow_replies_from(b"proj.nap")
        tasks = [send(server.client, "proj.nap", 0) for _ in range(5)]
        wait_for(lambda: server.held(worker), 30, what="a fetch")
        assert server.started() == []
        proxy.cut()
        wait_for(lambda: set(server.finished()) == set(tasks), 60, what="all tasks to run")
        assert Counter(server.started()) == Counter(tasks)
        wait_for(lambda: not server.client.exists("unacked"), 30, what="their acknowledgement")
        worker.kill()


def test_several_workers_share_what_comes_at_once(make_worker: MakeWorker, server: RedisServer) -> None:
    workers = [make_worker("threads", capacity=8).start() for _ in range(2)]
    for worker in workers:
        worker.ready()
    with server.client.pipeline() as pipe:
        for _ in range(8):
            send(pipe, "proj.nap", 3)
        pipe.execute()
    wait_for(lambda: len(server.started()) == 8, 30, what="all tasks to start")
    held = [server.held(worker) for worker in workers]
    assert sum(held) == 8
    assert max(held) < 8


def test_a_message_of_protocol_1_and_one_of_some_megabytes_run(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    make_worker().start().ready()
    old = json.dumps({"task": "proj.nap", "id": "old", "args": [0], "kwargs": {}})
    properties = {"delivery_tag": "1", "delivery_info": {"exchange": "", "routing_key": "celery"}}
    envelope = {
        "body": old, "content-type": "application/json", "content-encoding": "utf-8", "headers": {},
        "properties": properties,
    }  # fmt: skip
    server.client.lpush("celery", json.dumps(envelope))
    wait_for(lambda: server.finished() == ["old"], 30, what="the old one to run")
    large = send(server.client, "proj.nap", 0, headers={"ballast": "x" * 3_000_000})
    wait_for(lambda: server.finished() == ["old", large], 30, what="the large one to run")


@pytest.mark.parametrize("key", ["unacked", "unacked_index"])
def test_a_record_of_another_type_is_waited_for(
    make_worker: MakeWorker, server: RedisServer, key: str
) -> None:
    worker = make_worker().start().ready()
    run_one(server)
    server.client.set(key, "text")
    task = send(server.client, "proj.nap", 0)
    wait_for(lambda: "WRONGTYPE" in worker.log, 30, what="the refusal")
    assert server.client.llen("celery") == 1
    server.client.delete(key)
    wait_for(lambda: task in server.finished(), 60, what="the task to run")
    assert worker.running
