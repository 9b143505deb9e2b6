"""The marks that tasks leave, apart from the queues. As a program: `marks.py KEY` prints those under a key as JSON."""

import json
import os
import sys

import redis

NAMES = ("started", "done", "pod")


def marks() -> redis.Redis:
    url = os.environ["CELERY_BROKER_URL"].rpartition("/")[0]
    return redis.Redis.from_url(f"{url}/2", decode_responses=True)


if __name__ == "__main__":
    print(json.dumps({name: marks().hgetall(f"{sys.argv[1]}:{name}") for name in NAMES}))
