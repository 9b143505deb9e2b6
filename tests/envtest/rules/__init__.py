"""What the API server lets in and what it refuses, one table a kind."""

from tests.envtest.rules import broker, periodic_schedule, task_queue, worker_pool
from tests.envtest.rules.case import Case

CASES: tuple[Case, ...] = (
    *worker_pool.CASES,
    *broker.CASES,
    *task_queue.CASES,
    *periodic_schedule.CASES,
)
