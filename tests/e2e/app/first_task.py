"""`first_task.py KEY`: sends one task by delay() and prints as JSON when it was sent, its process began, and it started."""

import json
import sys
import time

from e2e_app import when
from marks import marks

(key,) = sys.argv[1:]
sent = time.time()
when.delay(key)
kept, deadline = marks(), sent + 120
while (left := kept.get(f"{key}:when")) is None:
    if time.time() > deadline:
        raise SystemExit("the task has not started within 120 s")
    time.sleep(0.05)
print(json.dumps({"sent": sent, **json.loads(str(left))}))
