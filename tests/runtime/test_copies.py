"""Whatever kind of queue a message came from: what has not run is back where it was, once, and nowhere else."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from taskfleet.brokers.key_layout import Layout
from taskfleet.brokers.polling.worker_report import Incarnation
from tests.runtime.inspect import control
from tests.runtime.messages import message, send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_give_back import give_back_of, give_back_start
from tests.runtime.test_pools import every_pool
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]
LATER = "2100-01-01T00:00:00+00:00"
TOPIC, DIRECT = ("events", "user.new"), ("pair", "both")
TWO_QUEUES = [
    pytest.param(["mail", "audit"], TOPIC, id="topic"),
    pytest.param(["left", "right"], DIRECT, id="direct"),
]


def send_copies(
    server: RedisServer, task: str, *args: object, queues: list[str], route: tuple[str, str], eta: str | None
) -> str:
    """One message, which its exchange puts into several queues."""
    task_id = str(uuid.uuid4())
    body = message(task, args, task_id=task_id, priority=0, eta=eta, route=route)
    for queue in queues:
        server.client.lpush(queue, json.dumps(body))
    return task_id


def lists(server: RedisServer) -> dict[str, int]:
    """All lists of messages, with their lengths."""
    names = [str(key) for key in server.client.keys("*") if server.client.type(key) == "list"]
    return {name: int(server.client.llen(name)) for name in names if not name.startswith("test:")}


def let_go(server: RedisServer, worker: Worker, how: str) -> None:
    """End a worker, or keep it from working, and wait until nothing is in its hands."""
    if how == "term":
        assert worker.terminate().ended() == 0
    elif how == "drain":
        server.drain(worker, 1)
        wait_for(lambda: server.report_in_state(worker, "drained"), 30, what="the worker to be drained")
    else:
        worker.kill()
        give_back_of(server, worker)


@pytest.mark.parametrize("how", ["term", "drain", "kill"])
@pytest.mark.parametrize(("queues", "route"), TWO_QUEUES)
def test_each_copy_of_a_message_goes_back_to_its_own_queue(
    make_worker: MakeWorker, server: RedisServer, queues: list[str], route: tuple[str, str], how: str
) -> None:
    worker = make_worker(app="routes", queues=queues).start().ready()
    for _ in range(5):
        send_copies(server, "proj.nap", 0, queues=queues, route=route, eta=LATER)
    wait_for(lambda: server.report(worker).get("eta") == 10, 30, what="the worker to hold them")
    let_go(server, worker, how)
    assert lists(server) == dict.fromkeys(queues, 5)
    assert (server.client.hlen("unacked"), server.client.zcard("unacked_index")) == (0, 0)
    assert not server.client.keys("*:held:*")


@pytest.mark.parametrize("how", ["term", "drain", "kill"])
def test_copies_under_a_key_prefix_go_back_under_it(
    make_worker: MakeWorker, server: RedisServer, how: str
) -> None:
    worker = make_worker(app="routes", queues=["mail", "audit"], globalKeyPrefix="app:").start().ready()
    prefixed = ["app:mail", "app:audit"]
    send_copies(server, "proj.nap", 0, queues=prefixed, route=TOPIC, eta=LATER)
    wait_for(lambda: server.client.hlen("app:unacked") == 2, 30, what="the worker to hold both")
    if how == "kill":
        reports = "app:taskfleet:cluster-1:test:reports"
        wait_for(lambda: server.client.hlen(reports), 30, what="its report")
        worker.kill()
        (start,) = server.client.hkeys(reports)
        layout = Layout(prefix="app:", reports="taskfleet:cluster-1:test:reports")
        give_back_start(server, layout, Incarnation(*str(start).split("/")))
    elif how == "term":
        assert worker.terminate().ended() == 0
    else:
        server.client.set(f"app:taskfleet:cluster-1:test:drain:uid-1/{worker.name}", 1, px=30_000)
        wait_for(lambda: not server.client.hlen("app:unacked"), 30, what="both to go back")
    assert lists(server) == dict.fromkeys(prefixed, 1)


@every_pool
def test_both_copies_of_a_message_run(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    make_worker(pool, app="routes", queues=["mail", "audit"]).start().ready()
    tasks = [
        send_copies(server, "proj.nap", 0.1, queues=["mail", "audit"], route=TOPIC, eta=None)
        for _ in range(3)
    ]
    wait_for(lambda: len(server.finished()) == 6, 30, what="all copies to run")
    assert Counter(server.started()) == Counter(tasks * 2)
    wait_for(lambda: not server.client.hlen("unacked"), 30, what="their acknowledgement")


@pytest.mark.parametrize("task", ["proj.suicide_once", "proj.requeue_once"])
def test_a_copy_that_is_tried_again_is_not_copied_again(
    make_worker: MakeWorker, server: RedisServer, task: str
) -> None:
    make_worker(app="routes", queues=["mail"]).start().ready()
    sent = send_copies(server, task, queues=["mail"], route=TOPIC, eta=None)
    # Its binding is known, so kombu would put it there too.
    server.client.sadd("_kombu.binding.events", "\x06\x16".join(("user.#", r"^user\..*?$", "audit")))
    wait_for(lambda: server.finished() == [sent], 30, what="the task to end")
    assert lists(server) == {}


def test_a_worker_that_is_done_with_its_copy_does_not_settle_anothers(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    quick = make_worker(app="routes", queues=["mail"]).start().ready()
    slow = make_worker(app="routes", queues=["audit"]).start().ready()
    waits = message("proj.nap", (0,), task_id="1", priority=0, eta=LATER, route=TOPIC)
    server.client.lpush("audit", json.dumps(waits))
    wait_for(lambda: server.held(slow) == 1, 30, what="one worker to hold its copy")
    server.client.lpush("mail", json.dumps({**waits, "headers": {**waits["headers"], "eta": None}}))
    wait_for(lambda: server.finished() == ["1"], 30, what="the other one to run its own")
    wait_for(lambda: server.held(quick) == 0, 30, what="its acknowledgement")
    slow.kill()
    give_back_of(server, slow)
    assert server.waiting("audit") == ["1"]


@every_pool
def test_what_a_fetch_still_brings_after_its_queue_was_cancelled_goes_back(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="routes", queues=["celery", "mail"]).start().ready()
    server.client.sadd("_kombu.binding.events", "\x06\x16".join(("user.#", r"^user\..*?$", "audit")))
    control(worker, "cancel_consumer", "mail")
    copy = send_copies(server, "proj.nap", 0, queues=["mail"], route=TOPIC, eta=None)
    later = send(server.client, "proj.nap", 0)
    wait_for(lambda: later in server.finished(), 30, what="the next fetch")
    # eventlet and gevent may end a fetch before they cancel its queue: then it runs.
    ran = copy in server.started()
    assert lists(server) == ({} if ran else {"mail": 1})
    assert not ran or pool in ("eventlet", "gevent")
    wait_for(lambda: server.client.hlen("unacked") == 0, 30, what="their acknowledgement")


@every_pool
def test_copies_that_wait_when_the_connection_is_lost_are_not_copied(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="routes", queues=["mail", "audit"]).start().ready()
    for _ in range(3):
        send_copies(server, "proj.nap", 0, queues=["mail", "audit"], route=TOPIC, eta=LATER)
    wait_for(lambda: server.report(worker).get("eta") == 6, 30, what="the worker to hold them")
    server.drop_connections()
    wait_for(lambda: "Trying to re-establish the connection" in worker.log, 30, what="another connection")
    let_go(server, worker, "term")
    assert lists(server) == {"mail": 3, "audit": 3}


def test_a_message_goes_back_to_the_list_that_it_lay_in(make_worker: MakeWorker, server: RedisServer) -> None:
    """Which need not be that of its priority: somebody may have moved it."""
    worker = make_worker(app="routes", queues=["celery"]).start().ready()
    task = send(server.client, "proj.nap", 0, priority=9, eta=LATER)
    wait_for(lambda: server.held(worker) == 1, 30, what="the worker to hold it")
    let_go(server, worker, "drain")
    assert lists(server) == {"celery\x06\x169": 1}
    server.client.rpoplpush("celery\x06\x169", "celery")
    server.lift(worker)
    wait_for(lambda: server.held(worker) == 1, 30, what="the worker to hold it again")
    let_go(server, worker, "term")
    assert server.waiting("celery") == [task]


@every_pool
def test_a_message_goes_back_as_it_was(make_worker: MakeWorker, server: RedisServer, pool: str) -> None:
    sent = json.dumps(message("proj.nap", (0,), task_id="1", priority=3, eta=LATER, route=TOPIC))
    server.client.lpush("mail", sent)
    worker = make_worker(pool, app="routes", queues=["mail"]).start().ready()
    wait_for(lambda: server.report(worker).get("eta") == 1, 30, what="the worker to hold it")
    let_go(server, worker, "term")
    (back,) = server.lines("mail")
    assert normal(back, redelivered=True) == normal(sent, redelivered=True)
    assert json.loads(back)["properties"]["delivery_info"]["redelivered"] is True


def normal(line: str, *, redelivered: bool) -> dict[str, Any]:
    """A message without what a delivery changes."""
    read: dict[str, Any] = json.loads(line)
    del read["properties"]["delivery_tag"]
    read["properties"]["delivery_info"]["redelivered"] = redelivered
    return read


@every_pool
def test_a_queue_without_acknowledgement_loses_nothing_when_its_worker_drains_or_stops(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    worker = make_worker(pool, app="routes", queues=["quick"]).start().ready()
    tasks = [send(server.client, "proj.nap", 0, queue="quick", eta=LATER) for _ in range(3)]
    wait_for(lambda: server.report(worker).get("eta") == 3, 30, what="the worker to hold them")
    assert server.client.hlen("unacked") == 0
    let_go(server, worker, "drain")
    assert server.waiting("quick") == tasks
    server.lift(worker)
    wait_for(lambda: server.report(worker).get("eta") == 3, 30, what="the worker to hold them again")
    let_go(server, worker, "term")
    assert server.waiting("quick") == tasks
    assert lists(server) == {"quick": 3}


def held(server: RedisServer, worker: Worker, queue: str) -> int | None:
    """As the worker reports it; None before it has said anything of the queue."""
    count: int | None = server.report(worker).get("queues", {}).get(queue, {}).get("held")
    return count


def test_a_queue_without_acknowledgement_runs_nothing_twice(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(app="routes", queues=["quick"], capacity=1).start().ready()
    lost = send(server.client, "proj.suicide_once", queue="quick")
    next_one = send(server.client, "proj.nap", 0, queue="quick")
    wait_for(lambda: server.finished() == [next_one], 30, what="the task behind it")
    assert server.started() == [lost, next_one]
    wait_for(lambda: held(server, worker, "quick") == 0, 30, what="an empty hand")
    assert lists(server) == {}


@every_pool
def test_a_broadcast_runs_on_each_worker_and_ends_up_nowhere_else(
    make_worker: MakeWorker, server: RedisServer, pool: str
) -> None:
    """A copy was for one worker alone: it has nowhere to go back to, so a drain leaves it where it is."""
    workers = [make_worker(pool, app="routes", queues=["everyone"]).start() for _ in range(2)]
    for worker in workers:
        worker.ready()
    wait_for(lambda: listeners(server) == 4, 30, what="both to listen to it and to remote control")
    publish(server, eta=LATER)
    for worker in workers:
        wait_for(lambda: server.report(worker).get("eta") == 1, 30, what="each to hold it")  # noqa: B023
    server.drain(workers[0], 1)
    wait_for(lambda: server.report_in_state(workers[0], "draining"), 30, what="the lease to be obeyed")
    assert server.report(workers[0])["eta"] == 1
    server.lift(workers[0])
    publish(server, eta=None)
    wait_for(lambda: len(server.finished()) == 2, 30, what="the next one to run on both")
    for worker in workers:
        assert worker.terminate().ended() == 0
    assert lists(server) == {}
    assert server.client.hlen("unacked") == 0


def listeners(server: RedisServer) -> int:
    return [client["psub"] for client in server.client.client_list()].count("1")


def publish(server: RedisServer, *, eta: str | None) -> None:
    """As kombu publishes to a fanout exchange, to whoever listens."""
    body = message("proj.nap", (0.1,), task_id=str(uuid.uuid4()), priority=0, eta=eta, route=("everyone", ""))
    assert server.client.publish("/0.everyone/celery", json.dumps(body)) == 2


@pytest.mark.parametrize("how", ["term", "drain", "kill"])
def test_what_was_sent_to_one_worker_goes_back_to_that_workers_queue(
    make_worker: MakeWorker, server: RedisServer, how: str
) -> None:
    worker = make_worker(app="routes", queues=["celery"]).start().ready()
    own = f"pool@{worker.name}.dq2"
    route = ("C.dq2", f"pool@{worker.name}")
    task = send(server.client, "proj.nap", 0, queue=own, route=route, eta=LATER)
    wait_for(lambda: server.report(worker).get("eta") == 1, 30, what="the worker to hold it")
    let_go(server, worker, how)
    assert server.waiting(own) == [task]
    assert lists(server) == {own: 1}


@pytest.mark.parametrize("how", ["term", "drain"])
@every_pool
def test_without_kombus_records_a_clean_end_loses_nothing(
    make_worker: MakeWorker, server: RedisServer, pool: str, how: str
) -> None:
    worker = make_worker(pool, app="routes", queues=["mail"], environment={"TEST_WITHOUT_ACK_EMULATION": "1"})
    worker.start().ready()
    tasks = [send(server.client, "proj.nap", 0, queue="mail", route=TOPIC, eta=LATER) for _ in range(3)]
    wait_for(lambda: server.report(worker).get("eta") == 3, 30, what="the worker to hold them")
    assert server.client.hlen("unacked") == 0
    let_go(server, worker, how)
    assert server.waiting("mail") == tasks
    assert lists(server) == {"mail": 3}
