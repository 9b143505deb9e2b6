"""`send.py COUNT SECONDS KEY=QUEUE...`: sends COUNT tasks, each of which takes SECONDS, for every key."""

import sys

from e2e_app import work
from marks import marks

count, seconds, *keys = sys.argv[1:]
for pair in keys:
    key, queue = pair.split("=")
    ids = [work.apply_async((key, float(seconds)), queue=queue).id for _ in range(int(count))]
    marks().rpush(f"{key}:sent", *ids)
