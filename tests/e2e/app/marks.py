"""The marks that tasks leave, apart from the queues. As a program: `marks.py KEY` prints those under a key as JSON."""

import json
import os
import sys
from typing import Any

import redis

COUNTS = ("started", "done", "pod")
LISTS = ("sent", "order", "runs")


def marks() -> redis.Redis:
    url = (os.environ.get("MARKS_URL") or os.environ["CELERY_BROKER_URL"]).rpartition("/")[0]
    return redis.Redis.from_url(f"{url}/2", decode_responses=True)


def under(key: str) -> dict[str, Any]:
    kept = marks()
    counts: dict[str, Any] = {name: kept.hgetall(f"{key}:{name}") for name in COUNTS}
    return counts | {name: kept.lrange(f"{key}:{name}", 0, -1) for name in LISTS}


if __name__ == "__main__":
    print(json.dumps(under(sys.argv[1])))
