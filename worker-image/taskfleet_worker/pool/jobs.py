"""The jobs of the pool: what it was handed and has not finished, whoever handed it over.

Celery counts tasks by callbacks, which its pools leave out in places, and work that is no task of its own not at all.
Here every call of the pool is a job until the pool itself is through with it; `pool_calls.py` notices both.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Callable


@dataclass(eq=False)
class Job:
    """One call of the pool. `requests`: Celery's requests that it works on. Times are seconds of the clock."""

    requests: tuple[Any, ...]
    handed_at: float
    # Whether it is one task, handed over by Celery itself.
    is_task: bool
    begun_at: float | None = None
    # Whether its task has ended by Celery's word, though the pool is not through with it: a hard time limit ends the
    # child, and the pool waits for a handler or a result backend.
    over: bool = False
    # Whether it must not begin any more: fence.py.
    stopped: bool = False
    error: BaseException | None = None
    # Whether the pool has lost it; for pools that may do so without a word.
    is_lost: Callable[[], bool] | None = None
    lost_since: float | None = None


class Jobs:
    """Written by the pool's threads and the consumer's: every step is one operation on a dict or deque."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._jobs: dict[int, Job] = {}
        # By identity of the request.
        self._tasks: dict[int, Job] = {}
        self._ended: deque[Job] = deque()
        self._progress = clock()
        # With which error the pool has last refused a job.
        self.refusal: BaseException | None = None

    def handed(self, requests: tuple[Any, ...], *, is_task: bool) -> Job:
        """The pool is about to be handed a job."""
        job = Job(requests, self._clock(), is_task)
        self._jobs[id(job)] = job
        if is_task:
            self._tasks.update((id(request), job) for request in requests)
        return job

    def refused(self, job: Job, error: BaseException | None = None) -> None:
        """The pool has not taken it."""
        self._forget(job)
        self.refusal = error

    def begun(self, job: Job) -> None:
        """The pool runs it."""
        job.begun_at = self._progress = self._clock()

    def ended(self, job: Job) -> None:
        """The pool is through with it, in whatever way; may be noticed in several places."""
        if self._forget(job):
            self._progress = self._clock()
            self._ended.append(job)

    def over(self, request: Any) -> None:
        """Celery says that its task has ended."""
        job = self._tasks.get(id(request))
        if job is not None:
            job.over = True

    def _forget(self, job: Job) -> bool:
        """Whether it was known."""
        for request in job.requests if job.is_task else ():
            self._tasks.pop(id(request), None)
        return self._jobs.pop(id(job), None) is not None

    def take_ended(self) -> list[Job]:
        """Those that have ended since the last call."""
        return [self._ended.popleft() for _ in range(len(self._ended))]

    def end_lost(self, patience: float) -> None:
        """Those that the pool has lost for `patience` seconds have ended; before, their callbacks may still come."""
        now = self._clock()
        for job in list(self._jobs.values()):
            if job.is_lost is None or not job.is_lost():
                job.lost_since = None
            elif job.lost_since is None:
                job.lost_since = now
            elif now - job.lost_since >= patience:
                self.ended(job)

    @property
    def running(self) -> int:
        """How many the pool runs now."""
        return sum(job.begun_at is not None and not job.over for job in list(self._jobs.values()))

    @property
    def requests(self) -> set[int]:
        """Identities of the requests that are with the pool."""
        return {id(request) for job in list(self._jobs.values()) for request in job.requests}

    def idle_with_work(self) -> float | None:
        """Seconds since the pool began or ended anything, while it has jobs and runs none; None: it works or is empty."""
        jobs = list(self._jobs.values())
        if not jobs or any(job.begun_at is not None for job in jobs):
            return None
        return self._clock() - max(self._progress, min(job.handed_at for job in jobs))
