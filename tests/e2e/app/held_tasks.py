"""`held_tasks.py send COUNT KEY=QUEUE...` sends tasks that work until `held_tasks.py release KEY...`."""

import sys

from e2e_app import hold
from marks import marks

verb, *rest = sys.argv[1:]
if verb == "release":
    for key in rest:
        marks().set(f"{key}:released", 1)
else:
    for pair in rest[1:]:
        key, _, queue = pair.partition("=")
        ids = [hold.apply_async((key,), queue=queue).id for _ in range(int(rest[0]))]
        marks().rpush(f"{key}:sent", *ids)
