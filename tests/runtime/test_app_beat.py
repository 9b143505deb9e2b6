"""The app's own beat as a process: one sends, another stands by, and takes over when the first is gone."""

import json
import os
import signal
from collections.abc import Callable
from itertools import groupby
from typing import Any

from tests.runtime.redis_server import RedisServer
from tests.runtime.waiting import wait_for
from tests.runtime.worker import Worker


def app_beat(make_worker: Callable[..., Worker]) -> Worker:
    """As the operator starts it."""
    beat = make_worker(app="ticking")
    flags = [f"--schedule={beat.folder}/schedule", "--loglevel=INFO", "--pidfile="]
    scheduler = "--scheduler=celery.beat:PersistentScheduler"
    beat.command = [*beat.command[:2], "beat", "-A", "ticking", scheduler, *flags]
    return beat.start()


def senders(server: RedisServer) -> list[str]:
    """Who has sent, in order, each as often in a row as it took turns."""
    sent: list[Any] = server.client.lrange("celery", 0, -1)
    origins = [json.loads(message)["headers"]["origin"] for message in reversed(sent)]
    return [origin for origin, _ in groupby(origins)]


def sends(server: RedisServer, beat: Worker) -> bool:
    """Whether the newest message is from this beat."""
    origins = senders(server)
    return bool(origins) and origins[-1].startswith(f"gen{beat.pid}@")


def test_only_the_holder_of_the_lock_sends_whatever_happens_to_it(
    make_worker: Callable[..., Worker], server: RedisServer
) -> None:
    first = app_beat(make_worker).ready()
    wait_for(lambda: sends(server, first), "the first to send", timeout=20)
    second = app_beat(make_worker)
    wait_for(lambda: "another beat" in second.get("/readyz")[1], "the second to stand by", timeout=30)
    assert first.name in second.get("/readyz")[1]

    os.kill(first.pid, signal.SIGKILL)
    second.ready()
    wait_for(lambda: sends(server, second), "the second to send", timeout=20)

    third = app_beat(make_worker)
    wait_for(lambda: "another beat" in third.get("/readyz")[1], "the third to stand by", timeout=30)
    assert second.terminate().ended() == 0
    third.ready()
    wait_for(lambda: sends(server, third), "the third to send", timeout=20)
    assert len(senders(server)) == 3, "nobody sends between another's messages"


def test_a_beat_that_lost_its_lock_ends(make_worker: Callable[..., Worker], server: RedisServer) -> None:
    beat = app_beat(make_worker).ready()
    (key,) = server.client.keys("*appbeat:ticking")
    server.client.set(key, "somebody else")
    assert beat.ended(timeout=20) == 75
    assert server.client.get(key) in (b"somebody else", "somebody else")
