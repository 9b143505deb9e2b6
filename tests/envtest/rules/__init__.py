"""What the API server lets in and what it refuses, one table a kind, and one for what they share."""

from tests.envtest.rules import broker, periodic_schedule, references, task_queue, worker_pool
from tests.envtest.rules.case import Case

CASES: tuple[Case, ...] = (
    *worker_pool.CASES,
    *broker.CASES,
    *task_queue.CASES,
    *periodic_schedule.CASES,
    *references.CASES,
)
