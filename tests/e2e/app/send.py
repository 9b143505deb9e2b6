"""`send.py KEY QUEUE COUNT SECONDS`: sends tasks that each take SECONDS."""

import sys

from e2e_app import work

key, queue, count, seconds = sys.argv[1:]
for _ in range(int(count)):
    work.apply_async((key, float(seconds)), queue=queue)
