"""A periodic task made at run time, as Django code does; how often it and the static one have run."""

import json
import os

from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

NAME = "count-unpaid-orders"

if os.environ["ACTION"] == "create":
    every, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update_or_create(
        name=NAME, defaults={"interval": every, "task": "notifications.tasks.remind"}
    )
elif os.environ["ACTION"] == "delete":
    PeriodicTask.objects.filter(name=NAME).delete()
names = list(TaskResult.objects.filter(status="SUCCESS").values_list("periodic_task_name", flat=True))
static = PeriodicTask.objects.exclude(name=NAME).values_list("name", flat=True)
print(json.dumps({"runs": names.count(NAME), "static": {name: names.count(name) for name in static}}))
