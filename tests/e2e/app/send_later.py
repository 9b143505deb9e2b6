"""`send_later.py SECONDS KEY=QUEUE`: sends one task that is due in SECONDS."""

import sys

from e2e_app import work
from marks import marks

seconds, pair = sys.argv[1:]
key, queue = pair.split("=")
task = work.apply_async((key, 0.0), queue=queue, countdown=float(seconds))
marks().rpush(f"{key}:sent", task.id)
