"""Failures that a prefork pool's parent has read in part when its event loop ends. What a success returns stays in its child."""

from collections.abc import Callable

from tests.runtime.messages import send
from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for

MakeWorker = Callable[..., Worker]


def wait_for_lengths(server: RedisServer, number: int) -> None:
    """Lengths of tracebacks were written, and the tracebacks are still to come."""
    wait_for(lambda: len(server.lines("test:half")) == number, 30, what=f"{number} lengths")


def unsettled(server: RedisServer) -> int:
    return int(server.client.hlen("unacked")) + int(server.client.llen("celery"))


def test_term_in_the_middle_of_a_failure_repeats_no_task(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    worker = make_worker(app="long_tracebacks", capacity=2).start().ready()
    for _ in range(2):
        send(server.client, "long_tracebacks.fail")
    wait_for_lengths(server, 2)
    assert worker.terminate().ended() == 0
    assert unsettled(server) == 0
    assert len(server.lines("test:started")) == 2


def test_a_connection_lost_in_the_middle_of_a_failure_costs_neither_it_nor_later_ones(
    make_worker: MakeWorker, server: RedisServer
) -> None:
    make_worker(app="long_tracebacks", capacity=1).start().ready()
    for number in (1, 2, 3):
        send(server.client, "long_tracebacks.fail")
        wait_for_lengths(server, number)
        server.drop_connections()
        wait_for(lambda: unsettled(server) == 0, 30, what="the task to be acknowledged")
    assert len(server.lines("test:started")) == 3
