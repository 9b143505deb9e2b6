"""How much an app's own beat sends with many entries, by Celery's command and by ours, in turn."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from tests.runtime.redis_server import RedisServer
from tests.runtime.worker import Worker
from tests.tools.load.figure import Figure
from tests.tools.load.runtime import PYTHON
from tests.tools.waiting import wait_for

_ENTRIES = (2_000, 10_000)  # of 30 s each
_SECONDS = 60.0
_PAIRS = 3

APP_BEAT_NAMES = tuple(f"app_beat_{entries}_ratio" for entries in _ENTRIES)


def app_beat(folder: Path, wanted: set[str]) -> Iterator[Figure]:
    """Messages of a minute with Taskfleet for one without it: the median of the pairs."""
    with RedisServer(folder, "--appendonly", "no") as server:
        for entries, name in zip(_ENTRIES, APP_BEAT_NAMES, strict=True):
            if name in wanted:
                pairs = [
                    (_sent(server, folder, entries, ours=False), _sent(server, folder, entries, ours=True))
                    for _ in range(_PAIRS)
                ]
                ratio = statistics.median(ours / plain for plain, ours in pairs)
                yield Figure(name, round(ratio, 3), "ratio", _PAIRS)


def _sent(server: RedisServer, folder: Path, entries: int, *, ours: bool) -> int:
    server.client.flushall()
    beat = Worker(PYTHON, server.url, folder, app="periodic", environment={"TEST_ENTRIES": str(entries)})
    plain = [str(PYTHON), "-m", "celery", "-A", "periodic", "beat"]
    start = [*beat.command[:2], "beat", "-A", "periodic"] if ours else plain
    beat.command = [*start, f"--schedule={beat.folder}/schedule", "--loglevel=WARNING", "--pidfile="]
    try:
        beat.start()
        wait_for(lambda: bool(server.client.llen("celery")), 120, what="the first message")
        time.sleep(_SECONDS)  # the measurement itself
        return int(server.client.llen("celery"))
    finally:
        beat.kill()
