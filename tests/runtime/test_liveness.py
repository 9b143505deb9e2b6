"""The liveness probe fails for a consumer that is beyond help, and for nothing else."""

from collections.abc import Callable

import pytest

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.test_pools import POOLS
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]

LIMIT = 60


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("proj.hang_the_consumer", id="the-loop-hangs"),
        pytest.param("proj.stop_the_fetching", id="the-loop-turns-without-fetching"),
    ],
)
def test_a_consumer_that_consumes_no_more_is_found_out(
    make_worker: MakeWorker, server: RedisServer, task: str
) -> None:
    workers = [make_worker(pool, queues=[pool]).start() for pool in POOLS]
    for worker in workers:
        worker.ready()
        send(server.client, task, queue=worker.settings["poolType"])
    wait_for(
        lambda: all("received" in worker.log for worker in workers),
        30,
        what="the workers to take their tasks",
    )
    for worker in workers:
        assert worker.get("/livez")[0] == 200
    wait_for(
        lambda: all(worker.get("/livez")[0] == 503 for worker in workers),
        # Five workers on a busy machine are asked one after the other, and have to fail at the same time.
        LIMIT + 120,
        what="the probes to fail",
    )
    for worker in workers:
        assert "although the broker is reachable" in worker.get("/livez")[1]


def test_work_longer_than_the_limit_is_no_reason_to_fail(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    pools = ("solo", "gevent", "eventlet", "prefork")  # green: once with a busy CPU, once with a full pool
    workers = {pool: make_worker(pool, capacity=1, queues=[pool]).start() for pool in pools}
    for pool, worker in workers.items():
        worker.ready()
        task = "proj.burn" if pool == "gevent" else "proj.nap"
        for _ in range(3):
            send(server.client, task, LIMIT + 15, queue=pool)
    wait_for(lambda: len(server.started()) == len(workers), 30, what="every worker to be busy")

    def all_ended_first() -> bool:
        for worker in workers.values():
            assert worker.get("/livez")[0] in (200, 0), worker.get("/livez")
        return len(server.finished()) >= len(workers)

    wait_for(all_ended_first, LIMIT + 60, what="the tasks to end", poll=1)
