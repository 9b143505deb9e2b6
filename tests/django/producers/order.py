"""100 tasks of low_priority, then 100 of high_priority: the queues in the order in which a worker started them.

The worker is not there yet when they are sent: ACTION in the environment is first send and then show.
"""

import json
import os

from django_celery_results.models import TaskResult
from orders.tasks import pack, restock

if os.environ["ACTION"] == "send":
    TaskResult.objects.all().delete()
    for task in (restock, pack):
        for _ in range(100):
            task.delay()
    print(json.dumps("sent"))
else:
    done = TaskResult.objects.filter(status="SUCCESS", task_name__in=[pack.name, restock.name])
    started = done.order_by("date_started").values_list("task_name", "worker")
    print(json.dumps([[name.rpartition(".")[2], worker] for name, worker in started]))
