"""An app that sets much of what a WorkerPool says, in one of the forms that Celery reads."""

import os
from types import SimpleNamespace

from celery import Celery

app = Celery("opinionated")
form = os.environ["TEST_FORM"]
if form == "new-names":
    app.conf.update(
        worker_prefetch_multiplier=4,
        worker_concurrency=7,
        worker_pool="gevent",
        task_time_limit=99,
        task_acks_late=False,
        broker_url="redis://:hunter2@127.0.0.1:1/0",
        broker_transport_options={"queue_order_strategy": "sorted"},
    )
elif form == "django-namespace":
    names = {"PREFETCH_MULTIPLIER": 4, "CONCURRENCY": 7, "MAX_TASKS_PER_CHILD": 3, "MAX_MEMORY_PER_CHILD": 5}
    settings: dict[str, object] = {f"CELERY_WORKER_{name}": value for name, value in names.items()}
    settings["CELERY_BROKER_URL"] = os.environ["CELERY_BROKER_URL"]  # as projects read it: no other
    app.config_from_object(SimpleNamespace(**settings), namespace="CELERY")
elif form == "old-names":
    app.config_from_object({"CELERYD_PREFETCH_MULTIPLIER": 4, "CELERYD_CONCURRENCY": 7})
elif form == "the-same":
    app.conf.update(worker_prefetch_multiplier=1, worker_concurrency=2, worker_pool="processes")


@app.task
def nothing() -> None:
    pass
