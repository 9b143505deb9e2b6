"""Celery's own Autoscaler on a made-up pool and clock. Runs with the Python that has Celery, and imports nothing of ours.

Standard input: JSON, a list of {least, most, keepalive, readings: [[seconds, reserved tasks, received?], ...]}.
Standard output: {celery: its version, sizes: for each of them the number of processes after each reading}.
"""

import json
import sys
from typing import Any

import celery
from celery.worker import autoscale, state


class Pool:
    """Processes that start at once. Busy ones cannot be taken away, as in billiard's pool.py `shrink`."""

    def __init__(self, size: int) -> None:
        self.num_processes = size
        self.busy = 0

    def grow(self, count: int) -> None:
        self.num_processes += count

    def shrink(self, count: int) -> None:
        idle = self.num_processes - self.busy
        self.num_processes -= min(idle, count)
        if idle < count:
            raise ValueError("Can't shrink pool. All processes busy!")

    def maintain_pool(self) -> None:
        pass


def sizes(case: dict[str, Any]) -> list[int]:
    pool = Pool(case["least"])
    scaler = autoscale.Autoscaler(
        pool, max_concurrency=case["most"], min_concurrency=case["least"], keepalive=case["keepalive"]
    )
    seen = []
    for now, reserved, received in case["readings"]:
        autoscale.monotonic = lambda now=now: now
        state.reserved_requests = range(reserved)
        pool.busy = min(reserved, pool.num_processes)
        scaler.maybe_scale(object() if received else None)
        seen.append(pool.num_processes)
    return seen


if __name__ == "__main__":
    json.dump(
        {"celery": celery.__version__, "sizes": [sizes(case) for case in json.load(sys.stdin)]}, sys.stdout
    )
