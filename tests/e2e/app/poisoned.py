"""`poisoned.py send KEY=QUEUE...` sends a poisonous task for every key, `poisoned.py cure KEY...` makes them harmless."""

import sys

from e2e_app import poison
from marks import marks

verb, *keys = sys.argv[1:]
for name in keys:
    key, _, queue = name.partition("=")
    if verb == "cure":
        marks().set(f"{key}:cured", 1)
    else:
        marks().rpush(f"{key}:sent", poison.apply_async((key,), queue=queue).id)
