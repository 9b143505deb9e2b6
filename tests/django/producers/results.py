"""delay, apply_async and AsyncResult.get; a countdown with CELERY_ENABLE_UTC off is no hours early or late."""

import json
import time

from celery.result import AsyncResult
from orders.tasks import primes_below, total

began = time.monotonic()
later = total.apply_async(args=[[1, 2]], countdown=2)
answers = {
    "delay": total.delay([1, 2, 3]).get(timeout=30),
    "by_id": AsyncResult(total.delay([4]).id).get(timeout=30),
    "options": primes_below.apply_async(kwargs={"limit": 100}, expires=60).get(timeout=30),
    "countdown": later.get(timeout=30),
}
print(json.dumps({**answers, "seconds": time.monotonic() - began}))
