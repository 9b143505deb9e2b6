"""Beat with ten thousand schedules: a real process, on a real Redis."""

import re
import statistics
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.runtime.beat import Beat, Schedules, entry_json
from tests.runtime.redis_server import RedisServer
from tests.tools.load.figure import Figure, percentile
from tests.tools.load.runtime import PYTHON
from tests.tools.waiting import wait_for

NAMES = ("beat_10000_start_seconds", "beat_10000_lag_p99", "beat_10000_rss_mb")
STARTS = 5
# With one full minute in it, at which 2,000 of the schedules are due at once.
LAG_SECONDS = 90.0
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
_MINUTELY, _SPREAD, _DAILY, _SOLAR = 2000, 6000, 1900, 100


def beat_10000(folder: Path, wanted: set[str]) -> Iterator[Figure]:
    """Starts without states, so that 10,000 are written; the lag with all kinds of schedules at once."""
    with RedisServer(folder, "--appendonly", "no") as server:
        schedules = Schedules(server.client)
        begin = int(time.time()) + 60
        schedules.write_all(dict(_entries(begin)))
        if NAMES[0] in wanted:
            seconds = [_start(server, schedules, folder) for _ in range(STARTS)]
            yield Figure(NAMES[0], round(statistics.median(seconds), 2), "s", STARTS)
        if not wanted.isdisjoint(NAMES[1:]):
            lags, peak = _run(server, schedules, folder)
            yield Figure(NAMES[1], round(percentile(lags, 0.99), 4), "s", len(lags))
            yield Figure(NAMES[2], round(peak, 1), "MB", 1)


def _entries(now: int) -> Iterator[tuple[str, bytes]]:
    yield from (_entry(now, {"cron": "* * * * *", "timeZone": _ZONES[n % 4]}) for n in range(_MINUTELY))
    yield from (_entry(now, {"every": 60, "anchor": now - 60 * 60 + n % 60}) for n in range(_SPREAD))
    for number in range(_DAILY):
        cron = {"cron": f"{number % 60} {number % 24} * * *", "timeZone": _ZONES[number % 4]}
        yield _entry(now, cron, queue="rare")
    for number in range(_SOLAR):
        sun = {"solar": "sunset", "latitude": number % 60, "longitude": number}
        yield _entry(now, sun, queue="rare")


def _entry(now: int, schedule: Mapping[str, object], queue: str = "celery") -> tuple[str, bytes]:
    raw = entry_json(schedule=schedule, queue=queue, since=now - 60, kwargs={"customer": uuid.uuid4().hex})
    return str(uuid.uuid4()), raw


def _start(server: RedisServer, schedules: Schedules, folder: Path) -> float:
    schedules.forget_states()
    beat = Beat(PYTHON, server.url, folder)
    since = time.monotonic()
    try:
        beat.start()
        wait_for(lambda: beat.get("/readyz")[0] == 200, 120, what="beat to be ready", poll=0.01)
        return time.monotonic() - since
    finally:
        beat.kill()


def _run(server: RedisServer, schedules: Schedules, folder: Path) -> tuple[list[float], float]:
    """How late each run of a while came, and the largest memory of the process in MB."""
    schedules.forget_states()
    beat = Beat(PYTHON, server.url, folder)
    try:
        beat.start().ready()
        begin = int(time.time()) + 3
        planned = _planned(begin, begin + int(LAG_SECONDS))
        wait_for(lambda: time.time() >= begin + 0.5, 30, what="a moment between two planned ones", poll=0.001)
        server.client.delete("celery")
        arrived = _arrivals(server, len(planned))
        return [max(0.0, there - due) for there, due in zip(arrived, planned, strict=True)], _peak(beat)
    finally:
        beat.kill()


def _planned(begin: int, end: int) -> list[float]:
    """The planned times of queue celery after `begin`, up to and with `end`."""
    spread, full = _SPREAD // 60, 60
    return [
        float(second)
        for second in range(begin + 1, end + 1)
        for _ in range(spread + (_MINUTELY if second % full == 0 else 0))
    ]


def _arrivals(server: RedisServer, number: int) -> list[float]:
    """When the first, second, ... message was in the queue; read as often as one connection can."""
    arrived: list[float] = []
    deadline = time.monotonic() + LAG_SECONDS + 60
    while len(arrived) < number:
        assert time.monotonic() < deadline, f"{number} runs were planned, {len(arrived)} came"
        length = int(server.client.llen("celery"))
        arrived += [time.time()] * (min(length, number) - len(arrived))
        time.sleep(0.001)
    return arrived


def _peak(beat: Beat) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{beat.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
