"""The app's own beat as a process: one sends, another stands by, and takes over when the first is gone."""

import json
import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.waiting import wait_for


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
    wait_for(lambda: sends(server, first), 20, what="the first to send")
    second = app_beat(make_worker)
    wait_for(lambda: "another beat" in second.get("/readyz")[1], 30, what="the second to stand by")
    assert first.name in second.get("/readyz")[1]

    os.kill(first.pid, signal.SIGKILL)
    second.ready()
    wait_for(lambda: sends(server, second), 20, what="the second to send")

    third = app_beat(make_worker)
    wait_for(lambda: "another beat" in third.get("/readyz")[1], 30, what="the third to stand by")
    assert second.terminate().ended() == 0
    third.ready()
    wait_for(lambda: sends(server, third), 20, what="the third to send")
    assert len(senders(server)) == 3, "nobody sends between another's messages"


def test_a_beat_that_lost_its_lock_ends(make_worker: Callable[..., Worker], server: RedisServer) -> None:
    beat = app_beat(make_worker).ready()
    (key,) = server.client.keys("*appbeat:ticking")
    server.client.set(key, "somebody else")
    assert beat.ended(timeout=20) == 75
    assert server.client.get(key) in (b"somebody else", "somebody else")


def has_sent(server: RedisServer, entries: int) -> bool:
    return int(server.client.llen("celery")) >= entries


def sent_names(server: RedisServer) -> list[str]:
    """Arguments of the tasks that were sent, in order."""
    sent: list[Any] = server.client.lrange("celery", 0, -1)
    return [json.loads(message)["headers"]["argsrepr"] for message in reversed(sent)]


def many_entries(make_worker: Callable[..., Worker], folder: Path, scheduler: str) -> Worker:
    beat = make_worker(app="many_entries", environment={"TEST_ENTRIES": "300"})
    flags = [f"--schedule={folder}/schedule", "--loglevel=INFO", "--pidfile="]
    beat.command = [*beat.command[:2], "beat", "-A", "many_entries", f"--scheduler={scheduler}", *flags]
    return beat.start()


@pytest.mark.parametrize(
    "scheduler", ["celery.beat:PersistentScheduler", "many_entries:Derived"], ids=["celerys", "a-derived-one"]
)
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name.lower()
)
def test_what_was_sent_is_kept_over_an_end(
    make_worker: Callable[..., Worker],
    server: RedisServer,
    tmp_path: Path,
    *,
    number: signal.Signals,
    scheduler: str,
) -> None:
    # Also over an end that follows another. A send that TERM or INT cuts short counts as made, as Celery has it.
    for sent_at_least in (60, 150, 298):
        beat = many_entries(make_worker, tmp_path, scheduler)
        wait_for(partial(has_sent, server, sent_at_least), 30, what="some entries to be sent")
        os.kill(beat.pid, number)
        beat.ended()
    names = sent_names(server)
    # One at each SIGKILL may have been sent and not yet noted.
    assert len(names) - len(set(names)) <= (2 if number is signal.SIGKILL else 0)


def test_without_a_scheduler_it_is_the_apps(
    make_worker: Callable[..., Worker], server: RedisServer, tmp_path: Path
) -> None:
    beat = make_worker(app="many_entries", environment={"TEST_SCHEDULER": "many_entries:Derived"})
    flags = [f"--schedule={tmp_path}/schedule", "--pidfile="]
    beat.command = [*beat.command[:2], "beat", "-A", "many_entries", *flags]
    beat.start()
    wait_for(partial(has_sent, server, 10), 30, what="all entries to be sent")
    assert "the scheduler is Derived" in beat.log


def written_at(folder: Path) -> int:
    """When a part of the schedule's file last changed, in nanoseconds."""
    return max(part.stat().st_mtime_ns for part in folder.glob("schedule*") if part.is_file())


def test_a_full_disk_makes_beat_write_all_entries(
    make_worker: Callable[..., Worker], server: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "schedule.sent").mkdir()
    beat = many_entries(make_worker, tmp_path, "celery.beat:PersistentScheduler")
    wait_for(lambda: server.client.llen("celery") >= 20, 30, what="some entries to be sent")
    assert "beat writes all entries at each send" in beat.log
    # While it goes on sending. A kill in the middle of such a write costs Celery's file, so there is none here.
    for _ in range(3):
        before = written_at(tmp_path)
        wait_for(lambda before=before: written_at(tmp_path) > before, 30, what="another write")  # type: ignore[misc]
