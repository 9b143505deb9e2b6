"""What became of the tasks IDS: state, worker, and when they started and ended, in the order in which they started."""

import json
import os

from django_celery_results.models import TaskResult

found = TaskResult.objects.filter(task_id__in=json.loads(os.environ["IDS"])).order_by("date_started")
rows = found.values_list("task_id", "status", "worker", "date_started", "date_done")
print(
    json.dumps([[key, status, worker, str(began), str(ended)] for key, status, worker, began, ended in rows])
)
