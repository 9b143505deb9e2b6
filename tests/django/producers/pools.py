"""Who works on each queue, and a hundred waits of one second each on the green pools."""

import json
import time

from celery import group
from notifications.tasks import mail, sms
from shop.celery import about

QUEUES = ("orders", "files", "mail", "sms", "ledger")

who = {queue: about.apply_async(queue=queue).get(timeout=60) for queue in QUEUES}
seconds = {}
for task in (mail, sms):
    began = time.monotonic()
    group(task.s(str(number)) for number in range(100)).apply_async().get(timeout=60)
    seconds[task.name] = time.monotonic() - began
print(json.dumps({"who": who, "seconds": seconds}))
