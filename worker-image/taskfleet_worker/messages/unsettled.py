"""Messages whose tasks are over and that nothing will settle any more: noticed, settled as failed, and said.

A message in hand waits (for its time, its rate limit, the pool), is with the pool, or is being settled. Celery can lose
it in between, and it would then take a slot for ever.
"""

from __future__ import annotations

import logging
from typing import Any, Callable

from taskfleet_worker.deliveries import Deliveries
from taskfleet_worker.messages.handback import before_the_pool
from taskfleet_worker.pool.jobs import Job, Jobs
from taskfleet_worker.pool.outcomes import Outcomes
from taskfleet_worker.pool.tasks import Tasks
from taskfleet_worker.shutdown.stopping import is_cold

logger = logging.getLogger(__name__)

# Seconds after which a message that is nowhere is settled. A lost connection takes Celery's records and the
# messages at different moments.
LIMIT = 10.0
LOOK_EVERY = 2.0


class Unsettled:
    """Looked for in the consumer's own loop. `count`: how many were found, `last`: the name of the last one's task."""

    def __init__(
        self,
        deliveries: Deliveries,
        jobs: Jobs,
        tasks: Tasks,
        outcomes: Outcomes,
        clock: Callable[[], float],
    ) -> None:
        self.count = 0
        self.last = ""
        self._deliveries = deliveries
        self._jobs = jobs
        self._tasks = tasks
        self._outcomes = outcomes
        self._clock = clock
        self._looked = float("-inf")
        self._since: dict[str, float] = {}

    @property
    def note(self) -> str | None:
        """For the report."""
        if not self.count:
            return None
        return (
            f"{self.count} tasks ended without acknowledging their message and were marked as failed, "
            f"the last: {self.last}."
        )

    def settle(self, state: Any, consumer: Any) -> None:
        """Settle what is over. `state`: celery.worker.state."""
        self.settle_ended(state)
        now = self._clock()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        self._jobs.end_lost(LIMIT)
        self._settle_lost(state, consumer.controller.semaphore, now)

    def settle_ended(self, state: Any) -> None:
        """Of jobs that have just ended, what they left unsettled. A cold shutdown ends them: they run again elsewhere."""
        if is_cold(state):
            return
        for job in self._jobs.take_ended():
            if not job.is_task:
                self._tasks.over(job)
            for request in job.requests:
                if self._is_left(job, request):
                    self._settle_left(state, job, request)

    def _settle_left(self, state: Any, job: Job, request: Any) -> None:
        if job.begun_at is None and job.error is None:
            # The pool has dropped it before it began.
            state.task_ready(request)
            request.reject(requeue=True)
        elif is_lost(request.task, job.error):
            self._deliveries.lost.add(request.message.delivery_tag)
            request.reject(requeue=True)
        else:
            self._fail(state, request, job.error)

    def _is_left(self, job: Job, request: Any) -> bool:
        if not job.is_task and job.error is None:
            return False  # settled whenever its owner sees fit
        if request.acknowledged and not self._tasks.is_running(request):
            return False
        # What a lost connection has given to others is no longer ours to settle.
        return request.acknowledged or request.message.delivery_tag in self._deliveries.held

    def _settle_lost(self, state: Any, semaphore: Any, now: float) -> None:
        """What Celery has reserved and neither handed to the pool nor kept to be handed. `semaphore`: of prefork's slots."""
        accounted = {id(request) for request in before_the_pool(semaphore)} | self._jobs.requests
        found = {}
        for request in list(state.reserved_requests):
            tag = request.message.delivery_tag
            if id(request) not in accounted and not request.acknowledged and tag in self._deliveries.held:
                found[tag] = request
        self._since = {tag: self._since.get(tag, now) for tag in found}
        for tag, request in found.items():
            if now - self._since[tag] >= LIMIT:
                self._fail(state, request, None)
                if semaphore is not None:
                    semaphore.release()

    def _fail(self, state: Any, request: Any, error: BaseException | None) -> None:
        from celery.exceptions import TaskError

        self.count += 1
        self.last = str(request.name)[:80]
        logger.error(
            "taskfleet: task %s[%s] ended without acknowledging its message (%r); it is marked as failed",
            request.name, request.id, error,
        )  # fmt: skip
        fail(state, request, error)
        self._outcomes.failed(request, TaskError() if error is None else error)


def fail(state: Any, request: Any, error: BaseException | None) -> None:
    """Settle as failed: the result, errbacks and chord through the app's backend, then the message."""
    from celery.exceptions import TaskError

    if not isinstance(error, Exception):
        reason = "its end was not reported" if error is None else f"it ended with {error!r}"
        error = TaskError(f"task {request.name}: {reason}")
    try:
        if not request.acknowledged and request.revoked():
            return
        request.task.backend.mark_as_failure(
            request.id, error, request=request._context, store_result=request.store_errors
        )
    except Exception:
        logger.exception("taskfleet: cannot store the failure of task %s[%s]", request.name, request.id)
    finally:
        state.task_ready(request)
        if acknowledges_failures(request.task):
            request.acknowledge()
        else:
            request.reject(requeue=False)


def acknowledges_failures(task: Any) -> bool:
    """Whether a failed task's message is acknowledged; if not it is rejected, as Celery does."""
    # From Celery 5.6 on there is one setting for failures alone.
    split = getattr(task, "acks_on_failure", None)
    return bool(task.acks_on_failure_or_timeout if split is None else split)


def is_lost(task: Any, error: BaseException | None) -> bool:
    """Whether its child was lost and it is to run again."""
    from celery.exceptions import WorkerLostError

    lost = isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt))
    return lost and bool(task.acks_late and task.reject_on_worker_lost)
