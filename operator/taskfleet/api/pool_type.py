"""How a worker runs its tasks."""

from typing import Literal

PoolType = Literal["prefork", "threads", "gevent", "eventlet", "solo"]
"""The pools of `celery worker --pool`."""
