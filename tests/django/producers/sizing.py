"""Seconds from the first task sent to the last result: COUNT tasks of TASK with ARGS, when a worker for AT_ONCE has begun."""

import importlib
import json
import os
import time

from celery import group

module, _, name = os.environ["TASK"].rpartition(".")
task = getattr(importlib.import_module(module), name)
arguments = json.loads(os.environ["ARGS"])


def seconds(count: int) -> float:
    began = time.monotonic()
    group(task.s(*arguments) for _ in range(count)).apply_async(queue="sizing").get(timeout=120)
    return time.monotonic() - began


seconds(int(os.environ["AT_ONCE"]))  # every process, thread or greenlet has made its connections
print(json.dumps(seconds(int(os.environ["COUNT"]))))
