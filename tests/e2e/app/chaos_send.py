"""`chaos_send.py SEED SECONDS`: sends short and long tasks by chance, and records each that the broker took."""

import random
import sys
import time

from chaos_app import persist, work

LATER = 30.0  # seconds until some of them are due

seed, seconds = int(sys.argv[1]), float(sys.argv[2])
chance, until = random.Random(seed), time.monotonic() + seconds
while time.monotonic() < until:
    if chance.random() < 0.6:
        queue, count, longest = "short", chance.randint(5, 30), 0.5
    else:
        queue, count, longest = "long", chance.randint(1, 3), 20.0
    for _ in range(count):
        task = {"queue": queue, "countdown": LATER if chance.random() < 0.1 else None, "retry": False}
        try:
            sent = work.apply_async((chance.uniform(0.05, longest),), **task)
        except Exception as error:
            # Whether the broker has it is not known: no such task counts as lost.
            print(f"not sent: {error}", flush=True)
            time.sleep(1)
        else:
            persist(lambda kept, task_id=sent.id: kept.rpush("chaos:sent", task_id))
    time.sleep(chance.uniform(2, 8))
persist(lambda kept: kept.set("chaos:finished", 1))
print("finished", flush=True)
