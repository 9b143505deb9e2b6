"""The app of the worker that Celery's integration tests run on, with their tasks."""

import os

from celery import Celery

app = Celery("suite", broker=os.environ["TEST_BROKER"], backend=os.environ["TEST_BACKEND"])
app.conf.result_extended = True
app.set_default()

from celery.contrib.testing import tasks as _  # noqa: E402, F401
from t.integration import tasks  # noqa: E402

app.register_task(tasks.ClassBasedAutoRetryTask())
