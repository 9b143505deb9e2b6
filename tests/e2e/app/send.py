"""`send.py COUNT SECONDS KEY=QUEUE...`: sends COUNT tasks, each of which takes SECONDS, for every key."""

import sys

from e2e_app import work

count, seconds, *keys = sys.argv[1:]
for pair in keys:
    key, queue = pair.split("=")
    for _ in range(int(count)):
        work.apply_async((key, float(seconds)), queue=queue)
