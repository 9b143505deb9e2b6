"""The app of the end-to-end tests: its tasks leave a mark in Redis when they start and when they end."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from marks import marks

HELD_SECONDS = 300.0  # longer than any test holds a task

app = Celery("e2e")


@app.task(bind=True)
def work(self: Any, key: str, seconds: float) -> None:
    began = time.time()
    kept = marks()
    kept.hincrby(f"{key}:started", self.request.id, 1)
    kept.rpush(f"{key}:order", self.request.id)
    time.sleep(seconds)
    kept.hincrby(f"{key}:done", self.request.id, 1)
    kept.hset(f"{key}:pod", self.request.id, os.environ["POD_NAME"])
    kept.rpush(f"{key}:runs", json.dumps([os.environ["POD_NAME"], began, time.time()]))


@app.task(bind=True)
def hold(self: Any, key: str) -> None:
    """Works until KEY:released is there, whatever happens to the broker meanwhile."""
    kept = marks()
    kept.hincrby(f"{key}:started", self.request.id, 1)
    kept.hset(f"{key}:pod", self.request.id, os.environ["POD_NAME"])
    began = time.monotonic()
    while time.monotonic() - began < HELD_SECONDS:
        with contextlib.suppress(redis.RedisError):
            if kept.exists(f"{key}:released"):
                break
        time.sleep(0.2)
    kept.hincrby(f"{key}:done", self.request.id, 1)


@app.task
def when(key: str) -> None:
    """Leaves when it started and when its container's first process did, in Unix time."""
    started = time.time()
    marks().set(f"{key}:when", json.dumps({"process": _first_process_began(), "started": started}))


def _first_process_began() -> float:
    """proc(5): clock ticks from boot to the process's start are the 22nd field of its stat."""
    ticks = int(Path("/proc/1/stat").read_text().rpartition(")")[2].split()[19])
    booted = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    return booted + ticks / os.sysconf("SC_CLK_TCK")


@app.task(bind=True)
def poison(self: Any, key: str) -> None:
    """Ends the process that runs it, until KEY:cured is there."""
    kept = marks()
    kept.hincrby(f"{key}:started", self.request.id, 1)
    if not kept.exists(f"{key}:cured"):
        os.kill(os.getpid(), signal.SIGKILL)
        os._exit(137)  # the first process of a container cannot kill itself
    kept.hincrby(f"{key}:done", self.request.id, 1)


@app.task(acks_late=False)
def early() -> None:
    """A task that opted out of late acknowledgement."""
