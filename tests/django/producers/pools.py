"""Who works on each queue, and a hundred waits of one second each on the green pools."""

import json
import time

from celery import group
from notifications.tasks import mail, sms
from shop.celery import about

QUEUES = ("orders", "files", "mail", "sms", "ledger")

who = {queue: about.apply_async(queue=queue).get(timeout=60) for queue in QUEUES}
began = time.monotonic()
waits = {task.name: group(task.s(str(number)) for number in range(100)).apply_async() for task in (mail, sms)}
seconds = {}
for name, results in waits.items():
    results.get(timeout=60)
    seconds[name] = time.monotonic() - began
print(json.dumps({"who": who, "seconds": seconds}))
