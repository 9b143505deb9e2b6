"""A periodic task made at run time, as Django code does; how often each one has run, by name."""

import json
import os

from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_results.models import TaskResult

NAME = "made-at-run-time"

every, _ = IntervalSchedule.objects.get_or_create(every=1, period=IntervalSchedule.SECONDS)
if os.environ["ACTION"] == "create":
    PeriodicTask.objects.update_or_create(
        name=NAME, defaults={"interval": every, "task": "notifications.tasks.remind"}
    )
elif os.environ["ACTION"] == "delete":
    PeriodicTask.objects.filter(name=NAME).delete()
ran = list(TaskResult.objects.filter(status="SUCCESS").values_list("periodic_task_name", flat=True))
names = PeriodicTask.objects.values_list("name", flat=True)
print(json.dumps({"runs": {name: ran.count(name) for name in names}, "every_second": every.pk}))
